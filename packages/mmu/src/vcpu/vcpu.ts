// The private state of one vCPU: nothing in it is seen by another thread. KVM: struct kvm_vcpu.

import { newPageFault, type PageFault } from '../fault/fault.ts';
import { newTlb, type Tlb } from './tlb.ts';

/** Counts since the vCPU was made. KVM: struct kvm_vcpu_stat. */
export interface VcpuStat {
  pf_taken: number;
  /** Repaired by the fast path. */
  pf_fast: number;
  /** Found repaired by the fast path. */
  pf_spurious: number;
  /** Sent back by the fast path: the lost exchanges of `merged`. */
  pf_fast_retry: number;
  /** Mapped, or found mapped, by the slow path. */
  pf_slow: number;
  /** Sent back by the slow path: an invalidation or a memslot change overtook it. */
  pf_retry: number;
  /** No memory there. */
  pf_emulate: number;
  tlb_fill: number;
  tlb_flush: number;
  exits: number;
}

/** Told of each fault from the access that missed to the return into the guest. */
export interface FaultObserver {
  begin(): void;
  end(): void;
}

export interface Vcpu {
  readonly id: number;
  readonly tlb: Tlb;
  readonly fault: PageFault;
  readonly stat: VcpuStat;
  /** Accesses left until the requests are looked at. */
  countdown: number;
  observer: FaultObserver | undefined;
}

/** A vCPU's number is its thread's number in the memory. */
export const newVcpu = (id: number): Vcpu => ({
  id,
  tlb: newTlb(),
  fault: newPageFault(id),
  stat: {
    pf_taken: 0,
    pf_fast: 0,
    pf_spurious: 0,
    pf_fast_retry: 0,
    pf_slow: 0,
    pf_retry: 0,
    pf_emulate: 0,
    tlb_fill: 0,
    tlb_flush: 0,
    exits: 0,
  },
  countdown: 0,
  observer: undefined,
});
