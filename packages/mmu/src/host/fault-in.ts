// hva -> pfn, with the right to write it or without: what the host does for a guest's slow fault.
// KVM: hva_to_pfn() and, behind it, the kernel's get_user_pages and do_wp_page.
import type { Shared } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import {
  HOST_PTE_KSM_PROTECTED,
  HOST_PTE_SHARED,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPteProtection,
  hostPtep,
  isHostPteEmpty,
  isHostPteKsm,
  isHostPteMissing,
  isHostPtePresent,
  isHostPteProtected,
  isHostPteShared,
  isHostPteWritable,
  makeHostPte,
} from './host-pte.ts';
import { changeHostPtes, faultInHugePage } from './huge-page.ts';
import { allocPage, copyPage, pageRefcount, putPage, tryGetPage } from './page-frames.ts';
import { requestPage } from './page-request.ts';

/** In place of a host pte: the VMM itself may not do that. KVM: KVM_PFN_ERR_FAULT. */
export const HOST_FAULT = 0;

/**
 * Answers the host pte of a page that is present, and writable if `write`; its frame carries a reference that the caller
 * gives back with `putPage`. HOST_FAULT, without a reference, where the VMM has the page read-only and `write` is asked.
 * Not for stores by the host itself while pages are merged: its reference does not stop that. May break sharing, and may
 * sleep until a pager has brought the page. The caller is outside the guest, holds no lock and has no open invalidation.
 */
export function faultInHostPage(mem: Shared, vm: Vm, hvn: Hvn, write: boolean): number {
  const ptep = hostPtep(vm, hvn);
  for (;;) {
    const pte = mem.load32(ptep);
    if (isHostPtePresent(pte) && !(write && !isHostPteWritable(pte))) {
      if (!tryGetPage(mem, vm, hostPtePfn(pte))) continue;
      // A second load on purpose: the frame may have been freed and reused between the load and the reference. That the
      // entry is the same now, with the reference held, is what makes the pair valid.
      if (mem.load32(ptep) === pte) return pte;
      putPage(mem, vm, hostPtePfn(pte));
    } else if (isHostPteMissing(pte)) requestPage(mem, vm, hvn);
    else if (write && isHostPteProtected(pte)) return HOST_FAULT;
    else handleHostFault(mem, vm, hvn, write);
  }
}

function handleHostFault(mem: Shared, vm: Vm, hvn: Hvn, write: boolean): void {
  const ptep = hostPtep(vm, hvn);
  mem.lock(vm.at.host_page_table_lock);
  const pte = mem.load32(ptep);
  let copies = false;
  try {
    if (isHostPteEmpty(pte)) {
      if (faultInHugePage(mem, vm, hvn)) return;
      mem.store32(ptep, firstTouch(mem, vm, pte));
    } else if (
      write &&
      isHostPtePresent(pte) &&
      !isHostPteWritable(pte) &&
      !isHostPteProtected(pte)
    ) {
      copies = isKept(mem, vm, pte);
      // Rights are added, so nobody is told.
      if (!copies) mem.store32(ptep, writableAgain(pte));
    }
  } finally {
    mem.unlock(vm.at.host_page_table_lock);
  }
  if (copies) breakSharing(mem, vm, hvn, pte);
}

const firstTouch = (mem: Shared, vm: Vm, pte: number): number =>
  makeHostPte(
    allocPage(mem, vm),
    isHostPteProtected(pte) ? hostPteProtection(pte) : HOST_PTE_WRITABLE,
  );

/**
 * May others rely on what the frame holds? The page table's lock is held: nobody begins to share it, and whoever has given
 * his reference back has done with it. A reference in passing costs a copy. KVM's host: wp_can_reuse_anon_folio().
 */
const isKept = (mem: Shared, vm: Vm, pte: number): boolean =>
  isHostPteKsm(pte) || (isHostPteShared(pte) && pageRefcount(mem, vm, hostPtePfn(pte)) > 1);

const writableAgain = (pte: number): number =>
  (pte & ~(HOST_PTE_SHARED | HOST_PTE_KSM_PROTECTED)) | HOST_PTE_WRITABLE;

/** Gives `hvn` a copy of its own, if it still has the shared page that `seen` says. KVM's host: wp_page_copy(). */
function breakSharing(mem: Shared, vm: Vm, hvn: Hvn, seen: number): void {
  const mine = changeHostPtes(mem, vm, { hvn, count: 1 }, () => {
    if (mem.load32(hostPtep(vm, hvn)) !== seen) return false;
    const copy = allocPage(mem, vm);
    copyPage(mem, vm, hostPtePfn(seen), copy);
    mem.store32(hostPtep(vm, hvn), makeHostPte(copy, HOST_PTE_WRITABLE));
    return true;
  });
  if (mine) putPage(mem, vm, hostPtePfn(seen));
}
