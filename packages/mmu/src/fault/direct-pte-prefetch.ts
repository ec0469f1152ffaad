// Maps the neighbours of a page that has just been mapped, as far as the host has them: who touches a page may touch the next.
// By the legacy MMU alone, mmu_lock held for writing. KVM: direct_pte_prefetch() and what it calls.
//
//   fault                                  | host
//   mmu_lock                               |
//   an invalidation in progress? then none |
//   host pte of the neighbour read, mapped | start: waits for mmu_lock, zaps what was mapped
//   unlock                                 | changes the host pte; end
//
// The fault's own page is asked for before the lock, and so needs the sequence number. These host ptes are read under it: one
// that no invalidation has changed yet is changed by one that has still to come, and will find the leaf by its rmap; one that
// was changed says what is so now. Only between start and end does it say what will not be. Litmus: legacy-prefetch-unchecked.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Sptep } from '../address.ts';
import type { MmuEvent } from '../event.ts';
import { hostPtePfn, hostPtep, isHostPtePresent, isHostPteWritable } from '../host/host-pte.ts';
import { mapPage } from '../legacy/map-page.ts';
import { loadSpte } from '../legacy/mmu-spte.ts';
import type { Vm } from '../memory-map.ts';
import { inAdvance, makeSpte, replacing } from '../spte/make-spte.ts';
import { isShadowPresent } from '../spte/spte.ts';
import {
  gfnToHvn,
  gfnToMemslot,
  isLogged,
  isReadonly,
  KVM_MEMSLOT_INVALID,
  type Memslot,
} from '../vm/memslots.ts';
import type { PageFault } from './fault.ts';

/** Entries of one table, aligned, that are looked at. */
const PTE_PREFETCH_NUM = 8;

/** `fault` has mapped its page, or left an MMIO spte; its slots were compared under this lock. */
export function directPtePrefetch(mem: Shared, vm: Vm, fault: PageFault): void {
  // Without A nobody could tell what was accessed from what was not.
  if (!vm.ptePrefetch || !vm.adBits || fault.level > 1) return;
  // Of whatever range: KVM does not look which.
  if (mem.load32(vm.at.mmu_invalidate_in_progress) !== 0) return;
  prefetchAround(mem, vm, fault);
}

/** Run by run of what is not present around the fault's own entry, which ends one. KVM: __direct_pte_prefetch(). */
export function prefetchAround(mem: Shared, vm: Vm, fault: PageFault): void {
  const { gfn, sptep } = fault;
  const entries = Math.min(PTE_PREFETCH_NUM, 1 << vm.geometry.indexBits);
  const own = gfn % entries;
  let npages = 0;
  for (let index = 0; index <= entries; index++) {
    const at = (sptep + (index - own) * 8) as Sptep;
    if (index < entries && index !== own && !isShadowPresent(mem.load64(at))) npages++;
    else if (npages > 0) {
      const first = (gfn - own + index - npages) as Gfn;
      if (!prefetchMany(mem, vm, fault, first, npages)) return;
      npages = 0;
    }
  }
}

/** False when nothing was mapped: then no further run is tried. KVM: direct_pte_prefetch_many(). */
function prefetchMany(mem: Shared, vm: Vm, fault: PageFault, gfn: Gfn, npages: number): boolean {
  const slot = gfnToMemslot(mem, vm, fault.memslots, gfn);
  if (slot === undefined || !mayPrefetch(slot)) return false;
  if (gfn + npages > slot.baseGfn + slot.npages) return false;
  let count = 0;
  while (count < npages && prefetch(mem, vm, fault, slot, (gfn + count) as Gfn)) count++;
  return count > 0;
}

/** A leaf that is mapped in advance lets stores through: in a log it would count as written. KVM: gfn_to_memslot_dirty_bitmap(). */
const mayPrefetch = (slot: Memslot): boolean =>
  (slot.flags & KVM_MEMSLOT_INVALID) === 0 && !isLogged(slot) && !isReadonly(slot);

/** Maps `gfn` if the host has its page, and lets it be written; nobody is asked to bring it. */
function prefetch(mem: Shared, vm: Vm, fault: PageFault, slot: Memslot, gfn: Gfn): boolean {
  // No reference: who takes the page away has begun an invalidation before, for which he needs this lock.
  const pte = mem.load32(hostPtep(vm, gfnToHvn(slot, gfn)));
  if (!isHostPtePresent(pte) || !isHostPteWritable(pte)) return false;
  const sptep = (fault.sptep + (gfn - fault.gfn) * 8) as Sptep;
  // A second look, at what stays as it is under this lock: an MMIO spte may be left from before the slot came here.
  const spte = replacing(loadSpte(mem, sptep), 1, inAdvance(makeSpte(hostPtePfn(pte), true)));
  mapPage(mem, vm, slot, { sptep, gfn, level: 1 }, spte);
  mem.emit?.({ event: 'kvm_mmu_set_spte', gfn, spte, level: 1, sptep } satisfies MmuEvent);
  return true;
}
