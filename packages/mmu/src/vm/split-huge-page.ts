// A large leaf becomes a table of small ones, so that the log can tell its pages apart. The translations stay what they are,
// so nobody is flushed. KVM: tdp_mmu_split_huge_page().
import type { Shared } from '@faultline/atomics';
import type { MmuEvent, Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { withAdType } from '../spte/acc-track.ts';
import { makeNonleafSpte, makeSmallSpte } from '../spte/make-spte.ts';
import { isLastSpte, isShadowPresent } from '../spte/spte.ts';
import { type Entry, setSpteAtomic } from '../spte/update-spte.ts';
import { tableFrame } from '../spte/walk.ts';
import { forEachLeaf, type GfnRange } from './tdp-iter.ts';

const ENOMEM = -12;
const OK = 0;

/**
 * Replaces the large leaf `old` by a table; its address, or 0 when the leaf has changed meanwhile. mmu_lock held for reading
 * at least. Throws a RangeError when no frame is left.
 */
export function splitHugePage(mem: Shared, vm: Vm, entry: Entry, old: Spte): number {
  const table = mem.alloc();
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const { low, high } = makeSmallSpte(old, index);
    mem.store64(table + (index << 3), low, high);
  }
  // The exchange publishes a table that is filled: whoever finds it finds what the leaf said. It compares, because another
  // fault may have split the leaf first: its table, and what is mapped there, would be lost. Litmus: split-huge-page.
  const spte = withAdType(vm, makeNonleafSpte(tableFrame(vm, table)));
  if (!setSpteAtomic(mem, entry, old, spte)) {
    mem.free(table); // never seen by anybody: needs no grace period
    return 0;
  }
  traceSplit(mem, entry, old, OK);
  return table;
}

/**
 * Splits all large leaves of `range`, as long as there are frames: what is left is write-protected as it is. mmu_lock held
 * for reading; its slot is logged, so that no fault maps a large leaf there. KVM: kvm_tdp_mmu_try_split_huge_pages().
 */
export function trySplitHugePages(mem: Shared, vm: Vm, range: GfnRange): void {
  let enough = true;
  forEachLeaf(mem, vm, range, (entry, seen) => {
    if (entry.level === 1 || !enough) return;
    let old = seen;
    try {
      while (isShadowPresent(old.low) && isLastSpte(old.low, entry.level)) {
        if (splitHugePage(mem, vm, entry, old) !== 0) return;
        old = { low: mem.load64(entry.sptep), high: mem.high };
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      enough = false;
      traceSplit(mem, entry, old, ENOMEM);
    }
  });
}

function traceSplit(mem: Shared, { gfn, level }: Entry, spte: Spte, errno: number): void {
  mem.emit?.({ event: 'kvm_mmu_split_huge_page', gfn, spte, level, errno } satisfies MmuEvent);
}
