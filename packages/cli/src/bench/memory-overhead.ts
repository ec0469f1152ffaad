// What a VM needs beside the guest's memory itself, once it has mapped all of it: counted in its page table and its memory map.
import { connectThread } from '@faultline/atomics';
import {
  createMemslot,
  enterGuest,
  forEachSpte,
  type Gfn,
  type Gpa,
  type Hvn,
  isLastSpte,
  newVcpu,
  PAGE_SIZE,
  type SharedWord,
  sharedWords,
  type VmConfig,
  write32,
} from '@faultline/mmu';
import { createMachine } from '@faultline/runner';
import { figure } from '../table.ts';
import type { Bar } from './bar.ts';

const PAGES = 65_536;
/** What one 4K page takes in a page table. */
const SPTE_BYTES = 8;

/** Bytes that a VM with one vCPU and one dirty-log client takes, no frame to spare. */
export interface Overhead {
  /** Of guest memory. */
  readonly mapped: number;
  readonly pageTables: number;
  readonly dirtyBitmaps: number;
  /** The host's page table, and of each frame its references, flags and place among the free ones. */
  readonly host: number;
  /** Locks, memslots and the like. */
  readonly rest: number;
}

/** With the guest's memory mapped at 4K, or by huge pages at 2M. */
export function overheadOf(
  transparentHugepage: VmConfig['transparentHugepage'],
  hostPages: number = PAGES,
): Overhead {
  const options = { vcpus: 1, hostPages, pageFrames: hostPages, transparentHugepage };
  const { memory, vm } = createMachine(options);
  const mem = connectThread(memory, 0);
  createMemslot(mem, vm, { id: 0, baseGfn: 0 as Gfn, npages: hostPages, hvn: 0 as Hvn, flags: 0 });
  const vcpu = newVcpu(0);
  enterGuest(mem, vm, vcpu);
  for (let page = 0; page < hostPages; page++) {
    write32(mem, vm, vcpu, (page * PAGE_SIZE) as Gpa, page);
  }
  let tables = 1;
  forEachSpte(mem, vm, ({ low }, level) => {
    if (!isLastSpte(low, level)) tables++;
  });
  const bytes = sharedWords(vm);
  const sum = (words: readonly SharedWord[]): number =>
    words.reduce((total, word) => total + bytes[word], 0);
  const counted = { dirtyBitmaps: sum(DIRTY_BITMAPS), host: sum(HOST) };
  const all = Object.values(bytes).reduce((total, one) => total + one, 0);
  return {
    mapped: hostPages * PAGE_SIZE,
    pageTables: tables * PAGE_SIZE,
    ...counted,
    rest: all - counted.dirtyBitmaps - counted.host,
  };
}

const DIRTY_BITMAPS: readonly SharedWord[] = ['dirty_bitmap', 'client_bitmaps'];
const HOST: readonly SharedWord[] = [
  'host_page_table',
  'page_refcount',
  'page_flags',
  'free_pages',
  'free_page_index',
  'free_pages_in_block',
];

export const overheadBars = (small: Overhead, large: Overhead): Bar[] => [
  overheadBar('4K', small),
  overheadBar('2M', large),
];

function overheadBar(size: string, overhead: Overhead): Bar {
  const { mapped, pageTables, dirtyBitmaps, host, rest } = overhead;
  const perGiB = (bytes: number): string => ((bytes * 2 ** 10) / mapped).toFixed(3);
  const all = pageTables + dirtyBitmaps + host + rest;
  return {
    name: `bytes beside a page mapped at ${size} : ${SPTE_BYTES}`,
    value: all / (mapped / PAGE_SIZE) / SPTE_BYTES,
    detail:
      `${figure((all * 2 ** 10) / mapped)} MiB per GiB: page tables ${perGiB(pageTables)}, ` +
      `dirty bitmaps ${perGiB(dirtyBitmaps)}, host page table and frames ${perGiB(host)}`,
  };
}
