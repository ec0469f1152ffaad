// The VMM takes its own right to write a range, and gives it back. Linux: mprotect(PROT_READ), mprotect(PROT_READ | PROT_WRITE).
import type { Shared } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { HOST_PTE_PROTECTED, HOST_PTE_WRITABLE, hostPtep, isHostPteProtected } from './host-pte.ts';
import { MOST_PAGES_AT_ONCE, replaceHostPtes } from './update-host-ptes.ts';

/** When it returns, no guest writes a page of the range: a store there is answered to the VMM (RET_PF_EFAULT). */
export function protectPages(mem: Shared, vm: Vm, hvn: Hvn, count: number): void {
  // First nobody is given the right any more, then whoever has it loses it. In the other order a page that is faulted in
  // between keeps it. Litmus: protect-takes-first.
  changeBits(mem, vm, hvn, count, (pte) => pte | HOST_PTE_PROTECTED);
  replaceHostPtes(mem, vm, { hvn, count }, (pte) =>
    isHostPteProtected(pte) ? pte & ~HOST_PTE_WRITABLE : pte,
  );
}

/** The next store to each page is given the right again: rights are added, so nobody is told. */
export const unprotectPages = (mem: Shared, vm: Vm, hvn: Hvn, count: number): void =>
  changeBits(mem, vm, hvn, count, (pte) => pte & ~HOST_PTE_PROTECTED);

function changeBits(
  mem: Shared,
  vm: Vm,
  hvn: Hvn,
  count: number,
  change: (pte: number) => number,
): void {
  for (let from: number = hvn; from < hvn + count; from += MOST_PAGES_AT_ONCE) {
    const to = Math.min(hvn + count, from + MOST_PAGES_AT_ONCE);
    mem.lock(vm.at.host_page_table_lock);
    for (let page = from; page < to; page++) {
      const pte = mem.load32(hostPtep(vm, page as Hvn));
      if (change(pte) !== pte) mem.store32(hostPtep(vm, page as Hvn), change(pte));
    }
    mem.unlock(vm.at.host_page_table_lock);
  }
}
