// Result: Never (somebody sleeps for ever); with a sleep on the page itself: Sometimes.
//
// A page that somebody sleeps for comes, and goes again to the slot where it was, before he has looked.
// Source: mmu/src/host/page-request.ts.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  faultInHostPage,
  hostPtePfn,
  hostPtep,
  installPage,
  isHostPteMissing,
  markMissing,
  putPage,
  type Vm,
  waitForPageRequest,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { framesAreAccountedFor } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { waitingInWords } from '../seam/waiting-in-words.ts';
import { race } from '../setting.ts';
import { hostPte, hvn0, hvn1 } from '../small-vm.ts';

interface Parts {
  /** How the vCPU sleeps, if not as shipped. */
  readonly sleep?: (mem: Shared, vm: Vm) => Shared;
}

/** With the host pte notified when the page comes, which the shipped code has no need of. */
const sleepsOnThePage = (mem: Shared, vm: Vm): Shared => {
  const ptep = hostPtep(vm, hvn0);
  const { waitUntil } = mem;
  mem.waitUntil = (address, mask, value) => {
    if (address !== vm.at.page_requests) return waitUntil.call(mem, address, mask, value);
    const missing = mem.load32(ptep);
    while (isHostPteMissing(missing) && mem.load32(ptep) === missing) mem.wait(ptep, missing);
    mem.store32(address, 0);
  };
  return mem;
};

/** A request for a page that nobody needs: the vCPU has what it wanted. */
function sayDone(mem: Shared, vm: Vm): void {
  mem.store32(vm.at.page_requests, hvn1 + 1);
  mem.add32(vm.at.page_request_seq, 1);
  mem.notify(vm.at.page_request_seq);
}

const program = (name: string, { sleep }: Parts): Program =>
  race({
    name,
    setup: (mem, vm) => {
      markMissing(mem, vm, hvn0, 1);
    },
    vcpus: [
      {
        outside: (own, vm) => {
          const mem = waitingInWords(own);
          const pte = faultInHostPage(sleep?.(mem, vm) ?? mem, vm, hvn0, false);
          putPage(mem, vm, hostPtePfn(pte));
          sayDone(mem, vm);
        },
      },
    ],
    agents: {
      pager: (own, vm) => {
        const mem = waitingInWords(own);
        for (let times = 0; waitForPageRequest(mem, vm) === hvn0; times++) {
          installPage(mem, vm, hvn0, () => {});
          mem.notify(hostPtep(vm, hvn0));
          if (times === 0) markMissing(mem, vm, hvn0, 1);
        }
      },
    },
    sometimes: {
      'the page is asked for twice': (mem, vm) =>
        isHostPteMissing(hostPte(mem, vm, hvn0)) && mem.load32(vm.at.page_request_seq) === 2,
    },
    finally: { 'every frame has the references of its users': framesAreAccountedFor() },
  });

export const PAGE_COMES_AND_GOES: readonly Litmus[] = litmusesOf<Parts>({
  source: 'mmu/src/host/page-request.ts; Linux: handle_userfault()',
  rule: 'Who waits for a page sleeps on his own request, which nobody but himself makes again.',
  links: [],
  program,
  holds: {
    'page-comes-and-goes': {
      title: 'A page that a vCPU sleeps for is brought, and goes again at once',
      models: ['sc'],
      story: 'Its request is answered all the same: it looks, finds the page gone, and asks anew.',
      parts: {},
    },
  },
  breaks: {
    'pager-sleeps-on-the-page': {
      title: 'Who waits for a page sleeps for as long as its host pte is what he saw',
      violates: 'deadlock',
      story:
        'The page goes to the slot where it was, and the host pte is what he saw again; the request has been taken.',
      fix: 'Sleep on the request.',
      parts: { sleep: sleepsOnThePage },
    },
  },
});
