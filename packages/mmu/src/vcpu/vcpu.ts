// The private state of one vCPU: nothing in it is seen by another thread. KVM: struct kvm_vcpu.

import type { Gpa } from '../address.ts';
import { newPageFault, type PageFault } from '../fault/fault.ts';
import type { VcpuStat } from '../fault/vcpu-stat.ts';
import { newPmlBuffer, type PmlBuffer } from './pml.ts';
import { newTlb, type Tlb } from './tlb.ts';

/** Told of each fault from the access that missed to the return into the guest. */
export interface FaultObserver {
  begin(): void;
  end(): void;
}

/** What is asked where the guest has no memory; called outside the guest, as KVM leaves KVM_RUN for its VMM. */
export interface MmioHandler {
  /** A 32-bit word; all ones if nothing is there. */
  read32(gpa: Gpa): number;
  /** Whether anything is there that took it. */
  write32(gpa: Gpa, value: number): boolean;
}

/**
 * Told of a store that the VMM's own memory refuses; called outside the guest. When it returns the access is tried again;
 * what it throws ends the access. KVM: KVM_EXIT_MEMORY_FAULT.
 */
export type MemoryFaultHandler = (gpa: Gpa) => void;

export interface Vcpu {
  readonly id: number;
  readonly tlb: Tlb;
  readonly fault: PageFault;
  readonly stat: VcpuStat;
  readonly pml: PmlBuffer;
  /** Accesses left until the requests are looked at. */
  countdown: number;
  observer: FaultObserver | undefined;
  mmio: MmioHandler | undefined;
  memoryFault: MemoryFaultHandler | undefined;
  /** Told whenever the TLB was emptied: copies of its translations are void too. */
  onFlush: (() => void) | undefined;
}

/** A vCPU's number is its thread's number in the memory. `tlb` is for who wants it in an array of his own. */
export function newVcpu(id: number, tlb: Tlb = newTlb()): Vcpu {
  const fault = newPageFault(id);
  return {
    id,
    tlb,
    fault,
    stat: fault.stat,
    pml: newPmlBuffer(),
    countdown: 0,
    observer: undefined,
    mmio: undefined,
    memoryFault: undefined,
    onFlush: undefined,
  };
}
