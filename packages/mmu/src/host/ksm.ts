// Same-page merging: the steps of the kernel's ksmd that meet the MMU. Which pages to try is the daemon's business.
//
//   protect    the host pte loses W, after the MMU has zapped it: from here the content stands still, or the pte changes
//   compare    with no lock held
//   merge      if the pte is still the one that was protected, it leads to the shared page instead
//
// KVM: the mail thread's diagram; ksm.c write_protect_page() and replace_page(). The kernel also refuses pages with extra
// references; here they are merged too, so that the sequence number alone has to protect a fault in flight.
//
// One thread merges. A second one that protected the same page again, after the guest had written it, would bring back the
// very pte that the first compares with.
import type { Shared } from '@faultline/atomics';
import type { Hvn, Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import {
  HOST_PTE_KSM,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  isHostPtePresent,
  makeHostPte,
} from './host-pte.ts';
import { changeHostPtes } from './huge-page.ts';
import { getPage, putPage } from './page-frames.ts';

/** Takes W from the host pte. Answers the pte as it then is, or 0 when the page is not there. */
export function writeProtectHostPage(mem: Shared, vm: Vm, hvn: Hvn): number {
  return changeHostPte(mem, vm, hvn, (pte) =>
    isHostPtePresent(pte) ? pte & ~HOST_PTE_WRITABLE : 0,
  );
}

/**
 * Makes the protected page the shared copy that others are merged into; the caller gets a reference to it.
 * False when the guest has written it since. No right changes, so no notifier.
 */
export function makeKsmPage(mem: Shared, vm: Vm, hvn: Hvn, protectedPte: number): boolean {
  mem.lock(vm.at.host_page_table_lock);
  const same = mem.load32(hostPtep(vm, hvn)) === protectedPte;
  if (same) {
    mem.store32(hostPtep(vm, hvn), protectedPte | HOST_PTE_KSM);
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
  const merged = makeHostPte(ksmPage, HOST_PTE_KSM);
  const now = changeHostPte(mem, vm, hvn, (pte) => {
    if (pte !== protectedPte) return 0;
    getPage(mem, vm, ksmPage);
    return merged;
  });
  if (now === merged) putPage(mem, vm, hostPtePfn(protectedPte));
  mem.emit?.({ event: 'ksm_merge_with_ksm_page', pfn: ksmPage, error: now === merged ? 0 : -14 });
  return now === merged;
}

/** Replaces the host pte, of a huge page's part too; 0 from `change` leaves it. */
function changeHostPte(mem: Shared, vm: Vm, hvn: Hvn, change: (pte: number) => number): number {
  return changeHostPtes(mem, vm, { hvn, count: 1 }, () => {
    const next = change(mem.load32(hostPtep(vm, hvn)));
    if (next !== 0) mem.store32(hostPtep(vm, hvn), next);
    return next;
  });
}
