// Pages that a pager has: how a page becomes one of them, and how it comes back. The store belongs to the caller.
import type { Shared } from '@faultline/atomics';
import type { Hvn, Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import {
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPteProtection,
  hostPtep,
  hostPteSlot,
  isHostPteMissing,
  isHostPtePresent,
  isHostPteProtected,
  makeHostPte,
  makeMissingHostPte,
} from './host-pte.ts';
import { markFrameDirty } from './page-flags.ts';
import { allocPage, putPage } from './page-frames.ts';
import { answerPageRequests } from './page-request.ts';
import { replaceHostPtes, updateHostPtes } from './update-host-ptes.ts';

/** Where a page goes: the pager's number for the place, and who puts the content there. */
export interface SwapSlot {
  /** Below 2^24. */
  readonly slot: number;
  /** Called with the frame, whose content stands still, and a lock held: it copies and does nothing else. */
  readonly save: (pfn: Pfn) => void;
}

/**
 * Takes a page's frame away; the content goes to the slot. False when no frame is there, and then `save` was not called.
 * Linux: try_to_unmap() and swap_writepage().
 */
export function swapOut(mem: Shared, vm: Vm, hvn: Hvn, { slot, save }: SwapSlot): boolean {
  const swapped = updateHostPtes(mem, vm, { hvn, count: 1 }, (pte) => {
    if (!isHostPtePresent(pte)) return pte;
    // Before the entry says where it is: another pager could bring it in from there at once.
    save(hostPtePfn(pte));
    return makeMissingHostPte(slot, hostPteProtection(pte));
  });
  return swapped === 1;
}

/**
 * Every page of the range that is not missing yet becomes missing, whatever it held; its slot is 0. What the destination
 * of a post-copy migration begins with. Answers how many. Linux: MADV_DONTNEED in a range registered with userfaultfd.
 */
export const markMissing = (mem: Shared, vm: Vm, hvn: Hvn, count: number): number =>
  replaceHostPtes(mem, vm, { hvn, count }, (pte) =>
    isHostPteMissing(pte) ? pte : makeMissingHostPte(0, hostPteProtection(pte)),
  );

/**
 * Gives a missing page a frame that `fill` has filled, and wakes whoever sleeps for it. False when the page is not missing
 * any more; then `fill` was not called. `fill` gets the frame, zeroed, and the page's slot, with a lock held.
 * Rights are added, so nobody is told. Throws a RangeError when the host has no frame. Linux: UFFDIO_COPY, do_swap_page().
 */
export function installPage(
  mem: Shared,
  vm: Vm,
  hvn: Hvn,
  fill: (pfn: Pfn, slot: number) => void,
): boolean {
  const ptep = hostPtep(vm, hvn);
  const pfn = allocPage(mem, vm);
  let installed = false;
  mem.lock(vm.at.host_page_table_lock);
  try {
    // Under the lock, so that the slot is that of the entry which is replaced.
    const pte = mem.load32(ptep);
    if (isHostPteMissing(pte)) {
      fill(pfn, hostPteSlot(pte));
      markFrameDirty(mem, vm, pfn);
      const right = isHostPteProtected(pte) ? 0 : HOST_PTE_WRITABLE;
      mem.store32(ptep, makeHostPte(pfn, right | hostPteProtection(pte)));
      installed = true;
    }
  } finally {
    mem.unlock(vm.at.host_page_table_lock);
    // After the store: in the other order a sleeper looks, finds the page missing still, and sleeps again. Litmus:
    // pager-wakes-early. Also when nothing was installed: the request was taken, and has to be made anew.
    answerPageRequests(mem, vm, hvn);
    if (!installed) putPage(mem, vm, pfn);
  }
  return installed;
}
