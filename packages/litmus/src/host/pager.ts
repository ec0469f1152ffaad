// Result: Never (somebody sleeps for ever); with each of the mistakes below: Sometimes.
//
// Somebody touches a page that a pager has, asks for it, and sleeps until it is there.
// Source: mmu/src/host/page-request.ts; Linux: userfaultfd.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  allocPage,
  answerPageRequests,
  faultInHostPage,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtePfn,
  hostPtep,
  installPage,
  isHostPteMissing,
  isHostPtePresent,
  makeHostPte,
  markMissing,
  nextPageRequest,
  pageBase,
  putPage,
  type Vm,
  waitForPageRequest,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, framesAreAccountedFor } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { waitingInWords } from '../seam/waiting-in-words.ts';
import { race } from '../setting.ts';
import { hostPte, hvn0, hvn1 } from '../small-vm.ts';

const CONTENT = 9;

interface Parts {
  /** The page that each vCPU touches. */
  readonly touch: readonly Hvn[];
  /** How many pages the pager brings, and how it waits for a request and answers it. */
  readonly pages: number;
  readonly wait: (mem: Shared, vm: Vm) => Hvn | undefined;
  readonly install: (mem: Shared, vm: Vm, hvn: Hvn) => void;
  /** The vCPU's side of asking, if not the shipped one. */
  readonly deaf?: (mem: Shared, vm: Vm) => Shared;
}

const install: Parts['install'] = (mem, vm, hvn) => {
  installPage(mem, vm, hvn, (pfn) => mem.guestStore(pageBase(vm, pfn), CONTENT));
};

const shipped: Parts = { touch: [hvn0], pages: 1, wait: waitForPageRequest, install };

const looksFirst: Parts['wait'] = (mem, vm) => {
  for (;;) {
    const hvn = nextPageRequest(mem, vm);
    if (hvn !== undefined) return hvn;
    mem.wait(vm.at.page_request_seq, mem.load32(vm.at.page_request_seq));
  }
};

/** The request is stored when the pager has been woken. */
const asksLate = (mem: Shared, vm: Vm): Shared => {
  const { store32, waitUntil } = mem;
  let held: number | undefined;
  mem.store32 = (address, value) => {
    if (address === vm.at.page_requests && value !== 0) held = value;
    else store32.call(mem, address, value);
  };
  mem.waitUntil = (address, mask, value) => {
    if (held !== undefined) store32.call(mem, vm.at.page_requests, held);
    held = undefined;
    waitUntil.call(mem, address, mask, value);
  };
  return mem;
};

function program(name: string, { touch, pages, wait, install: bring, deaf }: Parts): Program {
  const wanted = [...new Set(touch)];
  return race({
    name,
    setup: (mem, vm) => {
      for (const hvn of wanted) markMissing(mem, vm, hvn, 1);
    },
    vcpus: touch.map((hvn) => ({
      outside: (own: Shared, vm: Vm) => {
        const mem = waitingInWords(own);
        const pte = faultInHostPage(deaf?.(mem, vm) ?? mem, vm, hvn, false);
        putPage(mem, vm, hostPtePfn(pte));
        return isHostPtePresent(pte);
      },
    })),
    agents: {
      pager: (own, vm) => {
        const mem = waitingInWords(own);
        for (let page = 0; page < pages; page++) bring(mem, vm, wait(mem, vm) as Hvn);
      },
    },
    sometimes: {
      'a page is asked for': (mem, vm) => mem.load32(vm.at.page_requests) !== 0,
      'all have asked': (mem, vm) => mem.load32(vm.at.page_request_seq) === touch.length,
    },
    finally: {
      'the page is there': (mem, vm) =>
        wanted.every(
          (hvn) => !isHostPteMissing(hostPte(mem, vm, hvn)) && contentOf(mem, vm, hvn) === CONTENT,
        ),
      'every frame has the references of its users': framesAreAccountedFor(),
    },
  });
}

export const PAGER: readonly Litmus[] = litmusesOf<Parts>({
  source: 'mmu/src/host/page-request.ts; Linux: handle_userfault(), userfaultfd_read()',
  rule:
    'Who asks stores the request, then moves the number on, then looks at the host pte, and sleeps on the request; ' +
    'the pager reads the number, then looks for requests. Whoever would miss the other finds that what it is about to sleep on has changed.',
  links: [],
  program,
  holds: {
    pager: {
      title: 'A vCPU touches a page that a pager has',
      story: 'It asks and sleeps until it is answered; the pager sleeps on the number of requests.',
      parts: shipped,
    },
    'pager-two-vcpus': {
      title: 'Two vCPUs touch a page that a pager has',
      story: 'The pager brings it at the first request, and wakes both.',
      parts: { ...shipped, touch: [hvn0, hvn0] },
    },
    'pager-two-pages': {
      title: 'Two vCPUs touch a page each that a pager has',
      models: ['sc'],
      story: 'The pager takes both requests, in either order.',
      parts: { ...shipped, touch: [hvn0, hvn1], pages: 2 },
    },
  },
  breaks: {
    'pager-looks-first': {
      title: 'A pager looks for requests, then reads the number that it sleeps on',
      violates: 'deadlock',
      story:
        'The request comes between the two: the pager sleeps on a number that has it in already.',
      fix: 'Read the number first.',
      parts: { wait: looksFirst },
    },
    'pager-asked-late': {
      title: 'A pager is woken before the request is there',
      violates: 'deadlock',
      story:
        'The pager looks, finds nothing, and sleeps again; nobody wakes it for the request that comes then.',
      fix: 'Store the request first.',
      parts: { deaf: asksLate },
    },
    'pager-wakes-early': {
      title: 'A pager wakes those who sleep for a page, then puts the page there',
      violates: 'deadlock',
      story:
        'One who looks between the two sees the page missing still, asks again, and sleeps with nobody to wake him.',
      fix: 'Change the host pte first.',
      parts: {
        install(mem, vm, hvn) {
          answerPageRequests(mem, vm, hvn);
          const pfn = allocPage(mem, vm, CONTENT);
          mem.lock(vm.at.host_page_table_lock);
          mem.store32(hostPtep(vm, hvn), makeHostPte(pfn, HOST_PTE_WRITABLE));
          mem.unlock(vm.at.host_page_table_lock);
        },
      },
    },
  },
});
