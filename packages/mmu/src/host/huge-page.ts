// The host's huge pages: an aligned stretch of the VMM's memory on an aligned stretch of frames. They are what a large leaf
// of the MMU can map. Linux: transparent huge pages; mm/huge_memory.c, and khugepaged for collapse.
//
// Whoever changes the host pte of one small page of it splits it first, and all of it has to lie in that notifier's range:
// a fault on another page of it may be about to map the whole. Litmus: huge-page-split-range.
import type { Shared } from '@faultline/atomics';
import { type Hvn, hugePageOf, type Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import type { HvnRange } from '../vm/memslots.ts';
import { takeFreeBlock } from './free-pages.ts';
import {
  HOST_PTE_HUGE,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  isHostPteHuge,
  isHostPteKsm,
  isHostPtePresent,
  isHostPteProtected,
  isHostPteWritable,
  makeHostPte,
} from './host-pte.ts';
import { invalidateRangeEnd, invalidateRangeStart } from './mmu-notifier.ts';
import { copyPage, handOut, pageRefcount, putPage } from './page-frames.ts';

/** Pages of a huge page. */
export const hugePages = (vm: Vm): number => 1 << vm.geometry.indexBits;

/** `count` pages of the VMM's memory from `hvn` on. */
export interface HostRange {
  readonly hvn: Hvn;
  readonly count: number;
}

/** Backs the whole huge page of `hvn` if nothing of it is there yet. host_page_table_lock held. */
export function faultInHugePage(mem: Shared, vm: Vm, hvn: Hvn): boolean {
  const first = hugePageOf(hvn, vm.geometry);
  if (vm.maxLevel === 1 || first + hugePages(vm) > vm.hostPages) return false;
  for (let page = first as number; page < first + hugePages(vm); page++) {
    if (mem.load32(hostPtep(vm, page as Hvn)) !== 0) return false;
  }
  const pfn = allocHugePage(mem, vm);
  if (pfn < 0) return false;
  mapHugePage(mem, vm, first, pfn);
  return true;
}

/** Zeroed, a reference for each of its frames; -1 when no block is free. */
function allocHugePage(mem: Shared, vm: Vm): Pfn {
  mem.lock(vm.at.free_pages_lock);
  const first = takeFreeBlock(mem, vm);
  mem.unlock(vm.at.free_pages_lock);
  if (first < 0) return first;
  for (let page = 0; page < hugePages(vm); page++) handOut(mem, vm, (first + page) as Pfn, 0);
  return first;
}

function mapHugePage(mem: Shared, vm: Vm, hvn: Hvn, pfn: Pfn): void {
  // All are there before the first says HUGE: a fault asks for no lock, and maps them all when one of them says so.
  // Litmus: huge-page-half-there.
  for (const flags of [HOST_PTE_WRITABLE, HOST_PTE_WRITABLE | HOST_PTE_HUGE]) {
    for (let page = 0; page < hugePages(vm); page++) {
      mem.store32(hostPtep(vm, (hvn + page) as Hvn), makeHostPte((pfn + page) as Pfn, flags));
    }
  }
}

/**
 * Changes host ptes of `range`, with host_page_table_lock held and between the notifier's start and end; what huge pages
 * it meets are split before. Answers what `change` does. The caller holds no lock. `changes`: which parts of the range it
 * changes; the others stay mapped.
 */
export function changeHostPtes<Said>(
  mem: Shared,
  vm: Vm,
  range: HostRange,
  change: () => Said,
  changes?: readonly HvnRange[],
): Said {
  for (;;) {
    const { hvn, count } = withHugePages(mem, vm, range);
    invalidateRangeStart(mem, vm, hvn, count, count === range.count ? changes : undefined);
    mem.lock(vm.at.host_page_table_lock);
    try {
      // Looked at again: a huge page that came since would be split in a range which does not hold all of it.
      const now = withHugePages(mem, vm, range);
      if (now.hvn < hvn || now.hvn + now.count > hvn + count) continue;
      splitHugePages(mem, vm, now);
      return change();
    } finally {
      mem.unlock(vm.at.host_page_table_lock);
      invalidateRangeEnd(mem, vm, hvn, count);
    }
  }
}

/** `range`, and the rest of huge pages that it begins or ends in. */
function withHugePages(mem: Shared, vm: Vm, { hvn, count }: HostRange): HostRange {
  if (vm.maxLevel === 1) return { hvn, count };
  const last = (hvn + count - 1) as Hvn;
  const isHuge = (page: Hvn): boolean => isHostPteHuge(mem.load32(hostPtep(vm, page)));
  const start = isHuge(hvn) ? hugePageOf(hvn, vm.geometry) : hvn;
  const end = isHuge(last) ? hugePageOf(last, vm.geometry) + hugePages(vm) : hvn + count;
  return { hvn: start, count: end - start };
}

function splitHugePages(mem: Shared, vm: Vm, { hvn, count }: HostRange): void {
  if (vm.maxLevel === 1) return;
  for (let page = hvn as number; page < hvn + count; page++) {
    const ptep = hostPtep(vm, page as Hvn);
    const pte = mem.load32(ptep);
    if (isHostPteHuge(pte)) mem.store32(ptep, pte & ~HOST_PTE_HUGE);
  }
}

/**
 * Puts the pages of a huge page's stretch together: copies them to a free block. False when one of them is not there, is
 * shared or in somebody's hands, or there is no block. Linux: collapse_huge_page().
 */
export function collapseHugePage(mem: Shared, vm: Vm, hvn: Hvn): boolean {
  const first = hugePageOf(hvn, vm.geometry);
  const range = { hvn: first, count: hugePages(vm) };
  if (vm.maxLevel === 1 || first + range.count > vm.hostPages) return false;
  if (isHostPteHuge(mem.load32(hostPtep(vm, first)))) return false;
  const old = changeHostPtes(mem, vm, range, () => collapseRange(mem, vm, range));
  for (const pfn of old) putPage(mem, vm, pfn);
  return old.length > 0;
}

/** The frames that were left; none when nothing was done. */
function collapseRange(mem: Shared, vm: Vm, { hvn, count }: HostRange): Pfn[] {
  const ptes = Array.from({ length: count }, (_, page) =>
    mem.load32(hostPtep(vm, (hvn + page) as Hvn)),
  );
  if (!ptes.every(isOrdinary)) return [];
  const write = (change: (pte: number) => number): void =>
    ptes.forEach((pte, page) => {
      mem.store32(hostPtep(vm, (hvn + page) as Hvn), change(pte));
    });
  // Protected before the references are counted: whoever would store to a page holds one by then, or finds its entry
  // changed and waits for us. The other way round his store is not in the copy. Litmus: collapse-counts-first.
  write((pte) => pte & ~HOST_PTE_WRITABLE);
  const old = ptes.map(hostPtePfn);
  const pfn = old.every((page) => pageRefcount(mem, vm, page) === 1) ? allocHugePage(mem, vm) : -1;
  if (pfn < 0) {
    write((pte) => pte);
    return [];
  }
  old.forEach((from, page) => {
    copyPage(mem, vm, from, (pfn + page) as Pfn);
  });
  mapHugePage(mem, vm, hvn, pfn as Pfn);
  return old;
}

const isOrdinary = (pte: number): boolean =>
  isHostPtePresent(pte) && isHostPteWritable(pte) && !isHostPteKsm(pte) && !isHostPteProtected(pte);
