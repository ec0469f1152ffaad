// The VMM writes guest memory itself, as a loader does: through the host's page table, and into the ledger.
import type { Shared } from '@faultline/atomics';
import {
  faultInHostPage,
  type Hvn,
  hostPtePfn,
  PAGE_WORDS,
  pageBase,
  putPage,
} from '@faultline/mmu';
import { filling } from './guests/same-pages.ts';
import type { Machine, Region } from './machine.ts';

/** Fills each page of a region with one of a few values, so that many pages are alike. No vCPU runs. */
export function fill(mem: Shared, machine: Machine, region: Region): void {
  const { vm } = machine;
  const { hvn, npages } = region;
  for (let page = hvn; page < hvn + npages; page++) {
    const pfn = hostPtePfn(faultInHostPage(mem, vm, page as Hvn, true));
    const base = pageBase(vm, pfn);
    for (let word = 0; word < PAGE_WORDS; word++) mem.guestStore(base + word, filling(page));
    putPage(mem, vm, pfn);
  }
  fillLedger(machine, region);
}

/** The same in the ledger alone: the memory comes from elsewhere. */
export function fillLedger({ ledger }: Machine, { hvn, npages }: Region): void {
  for (let page = hvn; page < hvn + npages; page++) {
    ledger.fill(filling(page), page * PAGE_WORDS, (page + 1) * PAGE_WORDS);
  }
}
