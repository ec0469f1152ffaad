// Result: Never; with a look at the page before the lock is taken: Sometimes.
//
// A missing page is brought twice, because somebody waits for it and because it was its turn, while a vCPU stores to it.
// Source: mmu/src/host/missing-pages.ts, machine/src/migrate/missing-pages.ts; Linux: UFFDIO_COPY, which answers EEXIST.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  allocPage,
  answerPageRequests,
  fastPageFault,
  HOST_PTE_WRITABLE,
  hostPtep,
  installPage,
  isHostPteMissing,
  makeHostPte,
  markMissing,
  pageBase,
  type Vm,
} from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, hostPte, hvn0 } from '../small-vm.ts';

const CAME = 7;
const STORED = 1;

type Install = (mem: Shared, vm: Vm) => void;

const shipped: Install = (mem, vm) => {
  installPage(mem, vm, hvn0, (pfn) => mem.guestStore(pageBase(vm, pfn), CAME));
};

const looksFirst: Install = (mem, vm) => {
  if (!isHostPteMissing(hostPte(mem, vm, hvn0))) return;
  const pfn = allocPage(mem, vm, CAME);
  mem.lock(vm.at.host_page_table_lock);
  mem.store32(hostPtep(vm, hvn0), makeHostPte(pfn, HOST_PTE_WRITABLE));
  mem.unlock(vm.at.host_page_table_lock);
  answerPageRequests(mem, vm, hvn0);
};

interface Parts {
  readonly background: Install;
}

const program = (name: string, { background }: Parts): Program =>
  race({
    name,
    setup: (mem, vm) => {
      markMissing(mem, vm, hvn0, 1);
    },
    vcpus: [guestWriteBy({ fast: fastPageFault }, gfn0, STORED)],
    agents: { asked: shipped, background },
    sometimes: {
      'the page is asked for': (mem, vm) => mem.load32(vm.at.page_requests) !== 0,
      'the guest has stored': (mem, vm) =>
        !isHostPteMissing(hostPte(mem, vm, hvn0)) && contentOf(mem, vm, hvn0) === STORED,
    },
    finally: {
      'the store is there': (mem, vm) => contentOf(mem, vm, hvn0) === STORED,
    },
    oops: 'what the guest stored is lost',
  });

export const PAGE_COMES_TWICE: readonly Litmus[] = litmusesOf<Parts>({
  source: 'mmu/src/host/missing-pages.ts; Linux: mfill_atomic(), UFFDIO_COPY',
  rule: 'Whether the page is missing is looked at under the lock under which it is installed.',
  links: [],
  program,
  holds: {
    'page-comes-twice': {
      title: 'A missing page is brought twice, under a vCPU that stores to it',
      models: ['sc'],
      story: 'Who is second finds that the page is there, and gives its frame back.',
      parts: { background: shipped },
    },
  },
  breaks: {
    'pager-looks-before-it-locks': {
      title: 'A pager looks whether a page is missing, then takes the lock and installs it',
      violates: 'the store is there',
      story:
        'The other one installs the page between the two, and the guest stores to it; then it is replaced by what came.',
      fix: 'Look under the lock.',
      parts: { background: looksFirst },
    },
  },
});
