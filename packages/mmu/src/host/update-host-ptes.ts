// How host ptes change that take something away: between the notifier's start and end, under the page table's lock, with
// the references to frames that come and go with them.
import type { Shared } from '@faultline/atomics';
import type { Hvn, Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { hostPtePfn, hostPtep, isHostPteMissing, isHostPtePresent } from './host-pte.ts';
import { changeHostPtes, type HostRange } from './huge-page.ts';
import { getPage, putPage } from './page-frames.ts';
import { answerPageRequests } from './page-request.ts';

/** What becomes of an entry; the same value leaves it. */
export type NextHostPte = (pte: number, hvn: Hvn) => number;

/** Pages of one invalidation: so long a fault on any of them may have to wait. */
export const MOST_PAGES_AT_ONCE = 512;

/**
 * Changes every entry of `range` that `next` would change, each stretch of them under an invalidation of its own: a page
 * that stays as it is stays mapped. `next` only computes; it is asked once without the lock and again with it. An entry
 * that others make worth changing after it was passed is left. Answers how many were changed.
 */
export function replaceHostPtes(mem: Shared, vm: Vm, range: HostRange, next: NextHostPte): number {
  const end = range.hvn + range.count;
  let changed = 0;
  for (let page = range.hvn; page < end; page++) {
    if (!isChanged(mem, vm, page, next)) continue;
    const most = Math.min(end, page + MOST_PAGES_AT_ONCE);
    let to = page + 1;
    while (to < most && isChanged(mem, vm, to as Hvn, next)) to++;
    changed += updateHostPtes(mem, vm, { hvn: page, count: to - page }, next);
    page = (to - 1) as Hvn;
  }
  return changed;
}

function isChanged(mem: Shared, vm: Vm, hvn: Hvn, next: NextHostPte): boolean {
  const pte = mem.load32(hostPtep(vm, hvn));
  return next(pte, hvn) !== pte;
}

/**
 * Changes the entries of `range` under one invalidation. `next` is called once for each, with the lock held, and may read
 * or copy the page's content: no guest writes it meanwhile. Answers how many were changed.
 */
export function updateHostPtes(mem: Shared, vm: Vm, range: HostRange, next: NextHostPte): number {
  const { hvn, count } = range;
  const dropped: Pfn[] = [];
  // The notifier before anything is changed or copied: what a guest may still write is not the host's. Litmus:
  // swap-copies-first.
  const changed = changeHostPtes(mem, vm, range, () => {
    let done = 0;
    for (let page = hvn; page < hvn + count; page++) {
      if (updateOne(mem, vm, page, next, dropped)) done++;
    }
    return done;
  });
  // A fault in flight may have taken a reference through the old entry; it gives it back and tries again.
  for (const pfn of dropped) putPage(mem, vm, pfn);
  return changed;
}

/** Adds to `dropped` the frame that lost the entry's reference. */
function updateOne(mem: Shared, vm: Vm, hvn: Hvn, next: NextHostPte, dropped: Pfn[]): boolean {
  const ptep = hostPtep(vm, hvn);
  const old = mem.load32(ptep);
  const now = next(old, hvn);
  if (now === old) return false;
  const from = isHostPtePresent(old) ? hostPtePfn(old) : undefined;
  const to = isHostPtePresent(now) ? hostPtePfn(now) : undefined;
  if (to !== undefined && to !== from) getPage(mem, vm, to);
  mem.store32(ptep, now);
  if (from !== undefined && to !== from) dropped.push(from);
  if (isHostPteMissing(old)) answerPageRequests(mem, vm, hvn);
  return true;
}
