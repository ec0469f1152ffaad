// Copy-on-write: somebody keeps the pages as they are now, while the guest goes on writing. Linux: fork(), copy_present_pte().
//
//   share     W taken from the host pte, after the MMU has zapped it; a reference to the frame for who keeps it
//   write     the first one finds SHARED: it gets a copy, or the frame itself when nobody keeps it any more (fault-in.ts)
//   put       who keeps a frame gives it back with `putPage`
//
// With W taken before the MMU is told, the fast path could still let a guest write what is kept. Litmus: share-tells-late.
import type { Shared } from '@faultline/atomics';
import type { Hvn, Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import type { HvnRange } from '../vm/memslots.ts';
import { faultInHostPage } from './fault-in.ts';
import {
  HOST_PTE_SHARED,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPteProtection,
  hostPtep,
  isHostPteEmpty,
  isHostPteKsm,
  isHostPteMissing,
  isHostPtePresent,
  isHostPteWritable,
  makeHostPte,
} from './host-pte.ts';
import { changeHostPtes } from './huge-page.ts';
import { getPage, putPage } from './page-frames.ts';
import { MOST_PAGES_AT_ONCE, replaceHostPtes } from './update-host-ptes.ts';

/** Called with a lock held: it takes note and does nothing else. */
export type VisitFrame = (hvn: Hvn, pfn: Pfn) => void;

/**
 * Makes `count` pages from `hvn` on read-only and shared, and calls `visit` for each with the frame that holds it, with a
 * reference for the caller. Pages never touched, which read as zeros, are not visited. Missing pages are waited for: not to
 * be called by their pager. Only pages that are writable are invalidated, so that the rest costs a look at each entry.
 * The pages are shared one after the other: what belongs together is shared with the vCPUs paused.
 */
export function sharePages(mem: Shared, vm: Vm, hvn: Hvn, count: number, visit: VisitFrame): void {
  const end = hvn + count;
  for (let page = hvn; page < end; ) {
    const pte = mem.load32(hostPtep(vm, page));
    if (isHostPteMissing(pte)) {
      putPage(mem, vm, hostPtePfn(faultInHostPage(mem, vm, page, false)));
    } else if (isHostPteWritable(pte)) {
      page = withdrawAndShare(mem, vm, page, end, visit);
    } else {
      mem.lock(vm.at.host_page_table_lock);
      page = shareStretch(mem, vm, page, end, visit, isHostPteWritable);
      mem.unlock(vm.at.host_page_table_lock);
    }
  }
}

/** One invalidation for all that is writable in a stretch; what is shared already stays mapped. */
function withdrawAndShare(mem: Shared, vm: Vm, hvn: Hvn, end: number, visit: VisitFrame): Hvn {
  const writable = writableRanges(mem, vm, hvn, Math.min(end, hvn + MOST_PAGES_AT_ONCE));
  const last = writable.at(-1) as HvnRange;
  const to = last.hvn + last.npages;
  // A page between them that has become writable since: its spte has not been zapped.
  let part = 0;
  const isMissed = (pte: number, page: Hvn): boolean => {
    while (page >= endOf(writable[part] as HvnRange)) part++;
    return page < (writable[part] as HvnRange).hvn && isHostPteWritable(pte);
  };
  return changeHostPtes(
    mem,
    vm,
    { hvn, count: to - hvn },
    () => shareStretch(mem, vm, hvn, to, visit, isMissed),
    writable,
  );
}

const endOf = ({ hvn, npages }: HvnRange): number => hvn + npages;

/** The first page is writable. */
function writableRanges(mem: Shared, vm: Vm, hvn: Hvn, end: number): HvnRange[] {
  const ranges: { hvn: Hvn; npages: number }[] = [{ hvn, npages: 1 }];
  for (let page = (hvn + 1) as Hvn; page < end; page++) {
    if (!isHostPteWritable(mem.load32(hostPtep(vm, page)))) continue;
    const last = ranges.at(-1) as { hvn: Hvn; npages: number };
    if (endOf(last) === page) last.npages++;
    else ranges.push({ hvn: page, npages: 1 });
  }
  return ranges;
}

/**
 * Shares pages up to `end`, to one that is missing, or to one that `stopsAt` names; answers the first that is not shared.
 * host_page_table_lock held.
 */
function shareStretch(
  mem: Shared,
  vm: Vm,
  hvn: Hvn,
  end: number,
  visit: VisitFrame,
  stopsAt: (pte: number, page: Hvn) => boolean,
): Hvn {
  const to = Math.min(end, hvn + MOST_PAGES_AT_ONCE);
  let page = hvn;
  for (; page < to; page++) {
    const pte = mem.load32(hostPtep(vm, page));
    if (isHostPteMissing(pte) || stopsAt(pte, page)) break;
    if (isHostPteEmpty(pte)) continue;
    // A page shared by content is copied for every writer already.
    const shared = isHostPteKsm(pte) ? pte : (pte & ~HOST_PTE_WRITABLE) | HOST_PTE_SHARED;
    if (shared !== pte) mem.store32(hostPtep(vm, page), shared);
    getPage(mem, vm, hostPtePfn(pte));
    visit(page, hostPtePfn(pte));
  }
  return page;
}

/**
 * Leads each page of the range to the frame that `frameOf` names, which the caller has a reference to and keeps, or to zeros
 * where it names none. The old frames are given back. Pages that lead there already are left alone. With the vCPUs paused,
 * unless it does not matter that they write meanwhile; what changes here is in no dirty log. Answers how many changed.
 */
export const replacePages = (
  mem: Shared,
  vm: Vm,
  hvn: Hvn,
  count: number,
  frameOf: (hvn: Hvn) => Pfn | undefined,
): number =>
  replaceHostPtes(mem, vm, { hvn, count }, (pte, page) => {
    const pfn = frameOf(page);
    if (pfn === undefined) return hostPteProtection(pte);
    const leadsThere = isHostPtePresent(pte) && hostPtePfn(pte) === pfn && !isHostPteWritable(pte);
    return leadsThere
      ? pte | HOST_PTE_SHARED
      : makeHostPte(pfn, HOST_PTE_SHARED | hostPteProtection(pte));
  });
