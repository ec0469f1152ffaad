// What the kernel did with the faults of a trace, counted by its events: to stand beside what the MMU here does with them.
import { PFERR_RSVD_MASK } from '@faultline/mmu';
import type { TraceBody } from '@faultline/trace';

/** How many of each. */
export interface KernelCounts {
  pageFaults: number;
  fastFixed: number;
  fastSpurious: number;
  fastInvalid: number;
  /** Leaves installed by the slow path. */
  setSpte: number;
  /** Faults that met a reserved bit. */
  mmioFaults: number;
  /** MMIO sptes made, old ones made anew included. */
  mmioSptes: number;
  /** Faults answered by an MMIO spte. */
  mmioFast: number;
  /** Faults that met an MMIO spte of an old generation. */
  mmioStale: number;
  /** Large leaves that became tables. */
  splits: number;
  /** Dirty logs that were asked for, or rings reset, and the pages or entries in them: by the VMM's markers. */
  harvests: number;
  dirtyPages: number;
  /** Pages that ksmd merged into another. */
  merged: number;
}

export const newKernelCounts = (): KernelCounts => ({
  pageFaults: 0,
  fastFixed: 0,
  fastSpurious: 0,
  fastInvalid: 0,
  setSpte: 0,
  mmioFaults: 0,
  mmioSptes: 0,
  mmioFast: 0,
  mmioStale: 0,
  splits: 0,
  harvests: 0,
  dirtyPages: 0,
  merged: 0,
});

/** Counts one event, of whatever kind. */
export function countKernelEvent(kernel: KernelCounts, body: TraceBody): void {
  switch (body.event) {
    case 'kvm_page_fault':
      kernel.pageFaults++;
      if ((body.error_code & PFERR_RSVD_MASK) !== 0) kernel.mmioFaults++;
      break;
    case 'fast_page_fault':
      if (body.fixed) kernel.fastFixed++;
      else if (body.spurious) kernel.fastSpurious++;
      else kernel.fastInvalid++;
      break;
    case 'kvm_mmu_set_spte':
      kernel.setSpte++;
      break;
    case 'mark_mmio_spte':
      kernel.mmioSptes++;
      break;
    case 'handle_mmio_page_fault':
      kernel.mmioFast++;
      break;
    case 'check_mmio_spte':
      if (!body.valid) kernel.mmioStale++;
      break;
    case 'kvm_mmu_split_huge_page':
      if (body.errno === 0) kernel.splits++;
      break;
    case 'ksm_merge_with_ksm_page':
      if (body.error === 0) kernel.merged++;
      break;
  }
}
