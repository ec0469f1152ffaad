// What is done to all leaves of some pages of the VMM's memory, found by their rmaps: mmu_lock held for writing.
import type { Shared } from '@faultline/atomics';
import { type Gfn, type Hvn, hugePageOf } from '../address.ts';
import { hostPtep, isHostPteHuge } from '../host/host-pte.ts';
import { setPfnDirty } from '../host/page-flags.ts';
import type { Vm } from '../memory-map.ts';
import { isAdEnabled, PT_DIRTY_MASK, PT_WRITABLE_MASK, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { owesFlush } from '../spte/update-spte.ts';
import { maxMappingLevel } from '../vm/mapping-level.ts';
import { type HvnRange, hvnToGfn, type Memslot } from '../vm/memslots.ts';
import { loadSpte, mmuSpteClearBit } from './mmu-spte.ts';
import { forEachRmapSpte, rmapHead } from './rmap.ts';
import { dropSpte } from './zap-page.ts';

/** Calls `visit` for the rmap of every page, and of every stretch that a large leaf may map a part of the range in. */
function forEachRmap(
  vm: Vm,
  { hvn, npages }: HvnRange,
  visit: (head: number, level: number) => void,
): void {
  for (let page = hvn as number; page < hvn + npages; page++) {
    visit(rmapHead(vm, page as Hvn, 1), 1);
  }
  if (vm.maxLevel === 1) return;
  const first = hugePageOf(hvn, vm.geometry);
  for (let page = first as number; page < hvn + npages; page += 1 << vm.geometry.indexBits) {
    visit(rmapHead(vm, page as Hvn, 2), 2);
  }
}

/** Zaps the leaves of a range; whether a flush is owed. KVM: kvm_zap_rmap(), for kvm_unmap_gfn_range(). */
export function zapRmapRange(mem: Shared, vm: Vm, range: HvnRange): boolean {
  let flush = false;
  forEachRmap(vm, range, (head, level) => {
    flush = zapRmap(mem, vm, head, level) || flush;
  });
  return flush;
}

function zapRmap(mem: Shared, vm: Vm, head: number, level: number): boolean {
  let flush = false;
  forEachRmapSpte(mem, vm, head, (sptep) => {
    const old = dropSpte(mem, vm, { sptep, level }, loadSpte(mem, sptep));
    flush = owesFlush(old, SHADOW_NONPRESENT) || flush;
  });
  return flush;
}

/** Makes the next store to each page of a range known; no flush. KVM: rmap_write_protect(), __rmap_clear_dirty(). */
export function rmapProtectRange(mem: Shared, vm: Vm, range: HvnRange): void {
  forEachRmap(vm, range, (head, level) => {
    rmapProtect(mem, vm, head, level);
  });
}

/** Clears W; with PML, of small leaves, D. A large one is dropped before a page of it may be logged. */
function rmapProtect(mem: Shared, vm: Vm, head: number, level: number): void {
  const bit = vm.pml && level === 1 ? PT_DIRTY_MASK : PT_WRITABLE_MASK;
  forEachRmapSpte(mem, vm, head, (sptep) => {
    // Clear now: a fast path, or hardware, that sets it after this look marks, or logs, after that, for the next harvest.
    if ((loadSpte(mem, sptep).low & bit) === 0) return;
    const old = mmuSpteClearBit(mem, sptep, bit);
    // D, or where there is no D, W: it was all that said so.
    if (bit === PT_DIRTY_MASK || !isAdEnabled(old.high)) setPfnDirty(mem, vm, { level }, old);
  });
}

/**
 * The slot is logged no more: zaps small leaves where a large one may be, so that the next fault maps that, and drops the
 * table then. Whether a flush is owed. KVM: kvm_rmap_zap_collapsible_sptes().
 */
export function zapCollapsibleRmaps(mem: Shared, vm: Vm, slot: Memslot): boolean {
  let flush = false;
  for (let page = 0; page < slot.npages; page++) {
    const hvn = (slot.hvn + page) as Hvn;
    // A hint: nothing is mapped here. Whether the host's page is huge is for the fault to find out.
    const isCollapsible =
      maxMappingLevel(vm, slot, hvnToGfn(slot, hvn) as Gfn) > 1 &&
      isHostPteHuge(mem.load32(hostPtep(vm, hvn)));
    if (isCollapsible) flush = zapRmap(mem, vm, rmapHead(vm, hvn, 1), 1) || flush;
  }
  return flush;
}
