// Result: Never; with the content copied before the notifier: Sometimes.
//
// A page is swapped out and comes back, while a vCPU stores to it by the fast path, or by the slow one.
// Source: mmu/src/host/missing-pages.ts; Linux's try_to_unmap() before pageout().
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  fastPageFault,
  hostPtePfn,
  installPage,
  invalidateRangeEnd,
  invalidateRangeStart,
  isHostPteMissing,
  pageBase,
  swapOut,
  type Vm,
} from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import {
  contentOf,
  framesAreAccountedFor,
  isInGuest,
  noFreePageIsMapped,
  pageTableLaws,
} from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, harvestAll, hostPte, hvn0, touch } from '../small-vm.ts';

const BEFORE = 7;
const SLOT = 5;

/** Takes page 0 away; answers what it held. */
type TakeOut = (mem: Shared, vm: Vm) => number;

const shipped: TakeOut = (mem, vm) => {
  let content = 0;
  const save = (pfn: number): void => {
    content = mem.guestLoad(pageBase(vm, pfn as never));
  };
  swapOut(mem, vm, hvn0, { slot: SLOT, save });
  return content;
};

const copiesFirst: TakeOut = (mem, vm) => {
  const content = mem.guestLoad(pageBase(vm, hostPtePfn(hostPte(mem, vm, hvn0))));
  swapOut(mem, vm, hvn0, { slot: SLOT, save: () => {} });
  return content;
};

interface Parts {
  readonly takeOut: TakeOut;
  /** Where the vCPU's store begins. */
  readonly leaf: 'write-protected' | 'zapped';
}

const program = (name: string, { takeOut, leaf }: Parts): Program =>
  race({
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0, BEFORE);
      if (leaf === 'write-protected') return harvestAll(mem, vm);
      invalidateRangeStart(mem, vm, hvn0, 1);
      invalidateRangeEnd(mem, vm, hvn0, 1);
    },
    vcpus: [guestWriteBy({ fast: fastPageFault }, gfn0, 1)],
    agents: {
      pager: (mem, vm) => {
        const content = takeOut(mem, vm);
        installPage(mem, vm, hvn0, (pfn) => mem.guestStore(pageBase(vm, pfn), content));
      },
    },
    always: { ...pageTableLaws, 'no free page is mapped': noFreePageIsMapped },
    sometimes: {
      'the page is missing under a vCPU in the guest': (mem, vm) =>
        isHostPteMissing(hostPte(mem, vm, hvn0)) && isInGuest(mem, 0),
      'the page is asked for': (mem, vm) => mem.load32(vm.at.page_requests) !== 0,
    },
    finally: {
      'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
      'every frame has the references of its users': framesAreAccountedFor(),
      'no request is left': (mem, vm) => mem.load32(vm.at.page_requests) === 0,
    },
    oops: 'what the guest stored is lost',
  });

export const SWAP_OUT: readonly Litmus[] = litmusesOf<Parts>({
  source: 'mmu/src/host/missing-pages.ts; Linux: try_to_unmap(), then pageout()',
  rule: 'The page is copied after the notifier has zapped it, and before the host pte says that it is out.',
  links: [],
  program,
  holds: {
    'swap-out-fast': {
      title:
        'A page is swapped out and comes back, under a vCPU that can repair its fault without a lock',
      story:
        'The fast path is first, and its store is copied with the page; or it finds the spte gone, and the slow path asks ' +
        'for the page and sleeps until the pager has brought it.',
      parts: { takeOut: shipped, leaf: 'write-protected' },
    },
    'swap-out-slow': {
      title:
        'A page is swapped out and comes back, under a vCPU whose fault is on its way through the slow path',
      story:
        'A fault that has the frame already goes by the sequence number and tries again. One that comes later sleeps.',
      parts: { takeOut: shipped, leaf: 'zapped' },
    },
  },
  breaks: {
    'swap-copies-first': {
      title: 'A page is copied to its slot, then taken from the guest',
      violates: 'the store arrives',
      story:
        'The guest stores between the two. The frame is dropped, and the copy that comes back is older.',
      fix: 'Call the notifier first.',
      parts: { takeOut: copiesFirst },
    },
  },
});
