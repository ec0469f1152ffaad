// One fault on its way through the MMU, and the private state of the thread that handles it. Made once per vCPU and filled
// anew by each fault: a fault allocates nothing. KVM: struct kvm_page_fault.
import { modeOf } from '@faultline/atomics';
import type { Gfn, Gpa, Sptep } from '../address.ts';
import { type Memslot, type MemslotCache, newMemslotCache } from '../vm/memslots.ts';
import type { VcpuMode } from '../vm/vcpu-mode.ts';
import { newVcpuStat, type VcpuStat } from './vcpu-stat.ts';

/** The gfn that was last found to have no memory, and the word `memslots` of then. KVM: mmio_gfn, mmio_gen. */
export interface MmioInfo {
  gfn: number;
  generation: number;
  /** Page tables that this vCPU may still add for MMIO sptes. */
  tablesLeft: number;
}

/** So many under one root a guest may have that reads all over the bus; then its faults are answered without an spte. */
export const MMIO_TABLES = 16;

/** KVM: INVALID_PAGE, which mmu->root.hpa is while no root is loaded. */
export const NO_ROOT = 0 as Sptep;

export interface PageFault {
  readonly vcpu_id: number;
  readonly mode: VcpuMode;
  readonly memslots: MemslotCache;
  readonly mmio: MmioInfo;
  readonly stat: VcpuStat;
  /** Of the page table that this vCPU uses, from one entry into the guest to the next; NO_ROOT before it has loaded one. */
  root: Sptep;
  addr: Gpa;
  gfn: Gfn;
  error_code: number;
  /** The fast path ended it. */
  fast: boolean;
  /** Undefined where the guest has no memory. */
  slot: Memslot | undefined;
  /** Of the spte where the walk ended. */
  level: number;
  /** Tables that a large leaf has replaced: to be freed when the fault holds no lock any more. */
  readonly removed: number[];
  /** Where the slow path maps. The fast path keeps this, and the value that it decided on, only for a listener. */
  sptep: Sptep;
  old_low: number;
  old_high: number;
}

export const newPageFault = (vcpu: number): PageFault => ({
  vcpu_id: vcpu,
  mode: modeOf(vcpu),
  memslots: newMemslotCache(),
  mmio: { gfn: -1, generation: -1, tablesLeft: MMIO_TABLES },
  stat: newVcpuStat(),
  root: NO_ROOT,
  addr: 0 as Gpa,
  gfn: 0 as Gfn,
  error_code: 0,
  fast: false,
  slot: undefined,
  removed: [],
  sptep: 0 as Sptep,
  level: 0,
  old_low: 0,
  old_high: 0,
});

/** For the event: a store more before the exchange would be a price that everybody pays. */
export function rememberOld(fault: PageFault, sptep: Sptep, low: number, high: number): void {
  fault.sptep = sptep;
  fault.old_low = low;
  fault.old_high = high;
}
