// What a change of a memslot does to the legacy MMU's page table. The caller holds slots_lock alone.
import type { Shared } from '@faultline/atomics';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import type { Memslot } from '../vm/memslots.ts';
import type { GfnRange } from '../vm/tdp-iter.ts';
import { rmapProtectRange, zapCollapsibleRmaps, zapRmapRange } from './rmap-range.ts';
import { zapPagesOf } from './zap-page.ts';

/**
 * Zaps what `slot` maps, and frees the tables that lie wholly in `gap`, where nothing but it was mapped. Every vCPU has seen
 * that the slot is invalid. KVM: kvm_mmu_zap_memslot(), and the pages that kvm_mmu_zap_all_fast() would free.
 */
export function zapMemslot(mem: Shared, vm: Vm, slot: Memslot, gap: GfnRange): void {
  mem.writeLock(vm.at.mmu_lock);
  if (zapRmapRange(mem, vm, slot)) flushRemoteTlbs(mem, vm);
  mem.writeUnlock(vm.at.mmu_lock);
  zapPagesOf(mem, vm, gap);
}

/**
 * The log of `slot` begins: no leaf of it lets stores through that nobody notes. The caller flushes.
 * KVM: kvm_mmu_slot_remove_write_access(), with PML kvm_mmu_slot_leaf_clear_dirty().
 */
export function slotRemoveWriteAccess(mem: Shared, vm: Vm, slot: Memslot): void {
  mem.writeLock(vm.at.mmu_lock);
  rmapProtectRange(mem, vm, slot);
  mem.writeUnlock(vm.at.mmu_lock);
}

/** The log of `slot` has ended. KVM: kvm_mmu_zap_collapsible_sptes(). */
export function recoverHugePages(mem: Shared, vm: Vm, slot: Memslot): void {
  if (vm.maxLevel === 1) return;
  mem.writeLock(vm.at.mmu_lock);
  if (zapCollapsibleRmaps(mem, vm, slot)) flushRemoteTlbs(mem, vm);
  mem.writeUnlock(vm.at.mmu_lock);
}
