// Withdrawing W from whole slots, as switching the dirty log on does. HOST_WRITABLE and MMU_WRITABLE stay: the fast path
// may give W back.
import type { Shared } from '@faultline/atomics';
import type { Vm } from '../memory-map.ts';
import { isShadowPresent, isWritable, PT_WRITABLE_MASK } from '../spte/spte.ts';
import { clearSpteBits, type Entry } from '../spte/update-spte.ts';
import { forEachLeaf, type GfnRange } from './tdp-iter.ts';

/** Clears W of one leaf, of which `low` was read under mmu_lock held for writing; whether it was set. */
export function writeProtectLeaf(mem: Shared, entry: Entry, low: number): boolean {
  // Not writable now: a fast path that sets W after this look marks the page after that, for the next harvest.
  if (!isShadowPresent(low) || !isWritable(low)) return false;
  clearSpteBits(mem, entry, PT_WRITABLE_MASK);
  return true;
}

/** Clears W in `range`; how many leaves lost it. mmu_lock held for writing. KVM: kvm_tdp_mmu_wrprot_slot(). */
export function writeProtectRange(mem: Shared, vm: Vm, range: GfnRange): number {
  let count = 0;
  forEachLeaf(mem, vm, range, (entry, { low }) => {
    if (writeProtectLeaf(mem, entry, low)) count++;
  });
  return count;
}
