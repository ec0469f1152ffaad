// An MMIO spte has room for 19 bits of the memslots' generation. When they are used up, what is left of the round before
// would count again.
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry } from '../address.ts';
import { mmuSpteSet } from '../legacy/mmu-spte.ts';
import type { Vm } from '../memory-map.ts';
import { isMmioSpte, leadsToTable, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { writeSpte } from '../spte/update-spte.ts';
import { childTable, entryAt } from '../spte/walk.ts';

/**
 * Before MMIO sptes of `generation` begin to count: zaps those of older ones if it is the first of a round. No faults are
 * kept out between that and the publication: what they mark is of the generation before.
 * KVM: kvm_mmu_invalidate_mmio_sptes(), which zaps everything.
 */
export function invalidateMmioSptes(mem: Shared, vm: Vm, generation: number): void {
  if (generation !== 0) return;
  mem.writeLock(vm.at.mmu_lock);
  zapMmioSptes(mem, vm, vm.root, vm.geometry.levels, 0 as Gfn);
  // No flush: what has a reserved bit set is in no TLB.
  mem.writeUnlock(vm.at.mmu_lock);
}

function zapMmioSptes(mem: Shared, vm: Vm, table: number, level: number, base: Gfn): void {
  const pages = pagesPerEntry(level, vm.geometry.indexBits);
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const gfn = (base + index * pages) as Gfn;
    const entry = { sptep: entryAt(vm, table, gfn, level), gfn, level };
    const spte = { low: mem.load64(entry.sptep), high: mem.high };
    if (isMmioSpte(spte.low, spte.high)) {
      if (vm.tdpMmuEnabled) writeSpte(mem, entry, spte, SHADOW_NONPRESENT);
      else mmuSpteSet(mem, entry.sptep, SHADOW_NONPRESENT);
    } else if (level > 1 && leadsToTable(spte.low)) {
      zapMmioSptes(mem, vm, childTable(vm, spte.low), level - 1, gfn);
    }
  }
}
