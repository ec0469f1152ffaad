// hva -> pfn, with the right to write it or without: what the host does for a guest's slow fault.
// KVM: hva_to_pfn() and, behind it, the kernel's get_user_pages and do_wp_page.
import type { Shared } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import {
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  isHostPteKsm,
  isHostPtePresent,
  isHostPteWritable,
  makeHostPte,
} from './host-pte.ts';
import { changeHostPtes, faultInHugePage } from './huge-page.ts';
import { allocPage, copyPage, putPage, tryGetPage } from './page-frames.ts';

/**
 * Answers the host pte of a page that is present, and writable if `write`; its frame carries a reference that the caller
 * gives back with `putPage`. Not for stores by the host itself while pages are merged: its reference does not stop that.
 * May break sharing. The caller is outside the guest and holds no lock.
 */
export function faultInHostPage(mem: Shared, vm: Vm, hvn: Hvn, write: boolean): number {
  const ptep = hostPtep(vm, hvn);
  for (;;) {
    const pte = mem.load32(ptep);
    if (!isHostPtePresent(pte) || (write && !isHostPteWritable(pte))) {
      handleHostFault(mem, vm, hvn, write);
    } else if (tryGetPage(mem, vm, hostPtePfn(pte))) {
      // A second load on purpose: the frame may have been freed and reused between the load and the reference. That the
      // entry is the same now, with the reference held, is what makes the pair valid.
      if (mem.load32(ptep) === pte) return pte;
      putPage(mem, vm, hostPtePfn(pte));
    }
  }
}

function handleHostFault(mem: Shared, vm: Vm, hvn: Hvn, write: boolean): void {
  const ptep = hostPtep(vm, hvn);
  mem.lock(vm.at.host_page_table_lock);
  const pte = mem.load32(ptep);
  try {
    if (!isHostPtePresent(pte)) {
      if (faultInHugePage(mem, vm, hvn)) return;
      mem.store32(ptep, makeHostPte(allocPage(mem, vm), HOST_PTE_WRITABLE));
    } else if (write && !isHostPteWritable(pte) && !isHostPteKsm(pte)) {
      // Nobody shares it (KSM protected it to look at it): it may be written again. Rights are added, so nobody is told.
      mem.store32(ptep, pte | HOST_PTE_WRITABLE);
    }
  } finally {
    mem.unlock(vm.at.host_page_table_lock);
  }
  if (write && isHostPteKsm(pte)) breakSharing(mem, vm, hvn, pte);
}

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
