// What every log does with the pages that it was emptied of: makes the next store to each known.
import type { Shared } from '@faultline/atomics';
import { firstGfn, type Gfn } from '../address.ts';
import { rmapProtectRange } from '../legacy/rmap-range.ts';
import type { Vm } from '../memory-map.ts';
import { entryAt } from '../spte/walk.ts';
import { gfnToHvn, type Memslot } from '../vm/memslots.ts';
import { validRoot } from '../vm/roots.ts';
import { lastTable } from '../vm/tdp-iter.ts';
import { protectLeaf } from '../vm/write-protect.ts';

/**
 * What write-protects one page after another, in ascending order for speed. To be made and used with mmu_lock held for
 * writing, once: it remembers a table. A large leaf is left only where the log began with all pages: protected as it is, it is
 * split by the next fault. KVM: kvm_arch_mmu_enable_log_dirty_pt_masked().
 */
export function pageProtector(mem: Shared, vm: Vm, slot: Memslot): (gfn: Gfn) => void {
  return vm.tdpMmuEnabled ? tdpProtector(mem, vm) : rmapProtector(mem, vm, slot);
}

const rmapProtector =
  (mem: Shared, vm: Vm, slot: Memslot) =>
  (gfn: Gfn): void =>
    rmapProtectRange(mem, vm, { hvn: gfnToHvn(slot, gfn), npages: 1 });

function tdpProtector(mem: Shared, vm: Vm): (gfn: Gfn) => void {
  const { indexBits } = vm.geometry;
  const root = validRoot(mem, vm);
  let block = -1;
  let last = { table: 0, level: 0 };
  return (gfn) => {
    if (gfn >>> indexBits !== block) {
      block = gfn >>> indexBits;
      last = lastTable(mem, vm, root, gfn);
    }
    const { table, level } = last;
    const first = firstGfn(gfn, level, indexBits);
    const sptep = entryAt(vm, table, first, level);
    protectLeaf(mem, vm, { sptep, gfn: first, level }, mem.load64(sptep));
  };
}
