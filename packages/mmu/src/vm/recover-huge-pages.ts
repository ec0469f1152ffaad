// When a slot is logged no more, what was split for its log is put together again: the tables over huge pages of the host
// are zapped, and the next fault there maps a large leaf. KVM 6.12: kvm_tdp_mmu_zap_collapsible_sptes().
import type { Shared } from '@faultline/atomics';
import type { Gfn } from '../address.ts';
import { hostPtep, isHostPteHuge } from '../host/host-pte.ts';
import type { Vm } from '../memory-map.ts';
import { leadsToTable } from '../spte/spte.ts';
import { entryAt } from '../spte/walk.ts';
import { maxMappingLevel } from './mapping-level.ts';
import { gfnToHvn, type Memslot } from './memslots.ts';
import { validRoot } from './roots.ts';
import { lastTable } from './tdp-iter.ts';
import { freeTables, removeTable } from './zap.ts';

/** With slots_lock held and the slot's new flags seen by every vCPU. Blocks for a grace period. */
export function zapCollapsibleSptes(mem: Shared, vm: Vm, slot: Memslot): void {
  if (vm.maxLevel === 1) return;
  const removed: number[] = [];
  mem.readLock(vm.at.mmu_lock);
  for (let page = 0; page < slot.npages; page++) {
    const gfn = (slot.baseGfn + page) as Gfn;
    if (maxMappingLevel(vm, slot, gfn) === 1) continue;
    // A hint: nothing is mapped here. Whether the host's page is huge is for the fault to find out.
    if (isHostPteHuge(mem.load32(hostPtep(vm, gfnToHvn(slot, gfn)))))
      zapCollapsible(mem, vm, gfn, removed);
    page += (1 << vm.geometry.indexBits) - 1;
  }
  mem.readUnlock(vm.at.mmu_lock);
  freeTables(mem, removed);
}

function zapCollapsible(mem: Shared, vm: Vm, gfn: Gfn, removed: number[]): void {
  const { table, level } = lastTable(mem, vm, validRoot(mem, vm), gfn, vm.maxLevel);
  if (level !== vm.maxLevel) return;
  const entry = { sptep: entryAt(vm, table, gfn, level), gfn, level };
  const old = { low: mem.load64(entry.sptep), high: mem.high };
  // A fault that was faster has put a large leaf there already.
  if (leadsToTable(old.low)) removeTable(mem, vm, entry, old, removed);
}
