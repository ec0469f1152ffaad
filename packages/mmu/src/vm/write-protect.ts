// Making the next store to a page known, for the dirty log: W is withdrawn, or with PML, D. HOST_WRITABLE and MMU_WRITABLE
// stay: the fast path may give W back.
import type { Shared } from '@faultline/atomics';
import { setPfnDirty } from '../host/page-flags.ts';
import type { Vm } from '../memory-map.ts';
import {
  isAdEnabled,
  isShadowPresent,
  isWritable,
  PT_DIRTY_MASK,
  PT_WRITABLE_MASK,
} from '../spte/spte.ts';
import { clearSpteBits, type Entry } from '../spte/update-spte.ts';
import { forEachLeaf, type GfnRange } from './tdp-iter.ts';

/**
 * Makes the next store through one leaf known; `low` was read under mmu_lock held for writing. Whether it was not before.
 * With PML a large leaf is write-protected all the same: it is split before a page of it may be logged.
 * KVM: clear_dirty_pt_masked().
 */
export const protectLeaf = (mem: Shared, vm: Vm, entry: Entry, low: number): boolean =>
  vm.pml && entry.level === 1
    ? clearDirtyLeaf(mem, vm, entry, low)
    : writeProtectLeaf(mem, vm, entry, low);

/** Clears D of one leaf; whether it was set. The next store sets it again, and hardware logs that. */
function clearDirtyLeaf(mem: Shared, vm: Vm, entry: Entry, low: number): boolean {
  // Clear now: hardware that sets it after this look logs that after it, for the next harvest.
  if (!isShadowPresent(low) || (low & PT_DIRTY_MASK) === 0) return false;
  setPfnDirty(mem, vm, entry, clearSpteBits(mem, entry, PT_DIRTY_MASK));
  return true;
}

/** Clears W of one leaf, of which `low` was read under mmu_lock held for writing; whether it was set. */
function writeProtectLeaf(mem: Shared, vm: Vm, entry: Entry, low: number): boolean {
  // Not writable now: a fast path that sets W after this look marks the page after that, for the next harvest.
  if (!isShadowPresent(low) || !isWritable(low)) return false;
  const old = clearSpteBits(mem, entry, PT_WRITABLE_MASK);
  // Where there is no D, W was all that said so.
  if (!isAdEnabled(old.high)) setPfnDirty(mem, vm, entry, old);
  return true;
}

/** `protectLeaf` for all of `range`; how many leaves it changed. mmu_lock held for writing. KVM: kvm_tdp_mmu_wrprot_slot(). */
export function protectRange(mem: Shared, vm: Vm, range: GfnRange): number {
  let count = 0;
  forEachLeaf(mem, vm, range, (entry, { low }) => {
    if (protectLeaf(mem, vm, entry, low)) count++;
  });
  return count;
}
