// Same-page merging: the steps of the kernel's ksmd that meet the MMU. Which pages to try is the daemon's business.
//
//   protect    the host pte loses W, after the MMU has zapped it: from here the content stands still, or the pte changes
//   compare    with no lock held
//   merge      if the pte is still the one that was protected, it leads to the shared page instead
//
// KVM: the mail thread's diagram; ksm.c write_protect_page() and replace_page(). The kernel also refuses pages with extra
// references; here they are merged too, so that the sequence number alone has to protect a fault in flight.
//
// One thread merges, as Linux has one ksm_thread_mutex. Whatever else the host does meanwhile, the pte that was protected
// does not come back: it carries KSM_PROTECTED, which this thread alone sets and every write, move and page-in takes off.
// Litmus: merges-what-came-back.
import type { Shared } from '@faultline/atomics';
import type { Hvn, Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import {
  HOST_PTE_KSM,
  HOST_PTE_KSM_PROTECTED,
  HOST_PTE_SHARED,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPteProtection,
  hostPtep,
  isHostPteKsm,
  isHostPtePresent,
  makeHostPte,
} from './host-pte.ts';
import { getPage } from './page-frames.ts';
import { updateHostPtes } from './update-host-ptes.ts';

/** Takes W from the host pte. Answers the pte as it then is, or 0 when the page is not there. */
export function writeProtectHostPage(mem: Shared, vm: Vm, hvn: Hvn): number {
  let now = 0;
  updateHostPtes(mem, vm, { hvn, count: 1 }, (pte) => {
    if (!isHostPtePresent(pte)) return pte;
    now = isHostPteKsm(pte) ? pte : (pte & ~HOST_PTE_WRITABLE) | HOST_PTE_KSM_PROTECTED;
    return now;
  });
  return now;
}

const KSM_LOOKED_AT: number = HOST_PTE_SHARED | HOST_PTE_KSM_PROTECTED;

/**
 * Makes the protected page the shared copy that others are merged into; the caller gets a reference to it.
 * False when the guest has written it since. No right changes, so no notifier.
 */
export function makeKsmPage(mem: Shared, vm: Vm, hvn: Hvn, protectedPte: number): boolean {
  mem.lock(vm.at.host_page_table_lock);
  const same = mem.load32(hostPtep(vm, hvn)) === protectedPte;
  if (same) {
    mem.store32(hostPtep(vm, hvn), (protectedPte & ~KSM_LOOKED_AT) | HOST_PTE_KSM);
    getPage(mem, vm, hostPtePfn(protectedPte));
  }
  mem.unlock(vm.at.host_page_table_lock);
  return same;
}

/** Leads `hvn` to `ksmPage` and drops its own page. False when the guest has written it since it was protected. */
export function mergeWithKsmPage(
  mem: Shared,
  vm: Vm,
  hvn: Hvn,
  protectedPte: number,
  ksmPage: Pfn,
): boolean {
  const merged = updateHostPtes(mem, vm, { hvn, count: 1 }, (pte) =>
    pte === protectedPte ? makeHostPte(ksmPage, HOST_PTE_KSM | hostPteProtection(pte)) : pte,
  );
  mem.emit?.({ event: 'ksm_merge_with_ksm_page', pfn: ksmPage, error: merged === 1 ? 0 : -14 });
  return merged === 1;
}
