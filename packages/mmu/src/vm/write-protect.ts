// Withdrawing W from whole slots, as switching the dirty log on does. HOST_WRITABLE and MMU_WRITABLE stay: the fast path
// may give W back.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Sptep } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { isShadowPresent, isWritable, PT_WRITABLE_MASK } from '../spte/spte.ts';
import { clearSpteBits } from '../spte/update-spte.ts';
import { entryAt } from '../spte/walk.ts';
import { forEachLeafTable } from './tdp-iter.ts';

/** Clears W of one leaf; whether it was set. mmu_lock held for writing. */
export function writeProtectLeaf(mem: Shared, sptep: Sptep, gfn: Gfn): boolean {
  const low = mem.load64(sptep);
  // Not writable now: a fast path that sets W after this look marks the page after that, for the next harvest.
  if (!isShadowPresent(low) || !isWritable(low)) return false;
  clearSpteBits(mem, { sptep, gfn, level: 1 }, PT_WRITABLE_MASK);
  return true;
}

/** Clears W in [start, end); how many leaves lost it. mmu_lock held for writing. */
export function writeProtectRange(mem: Shared, vm: Vm, start: Gfn, end: Gfn): number {
  let count = 0;
  forEachLeafTable(mem, vm, start, end, (table, from, to) => {
    if (table === 0) return;
    for (let gfn = from as number; gfn < to; gfn++) {
      if (writeProtectLeaf(mem, entryAt(vm, table, gfn as Gfn, 1), gfn as Gfn)) count++;
    }
  });
  return count;
}
