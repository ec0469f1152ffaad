// Result: Never; with the page table's lock left out: Sometimes.
//
// Two of the host's threads take up one page at the same time: one moves it, one swaps it out and brings it back.
// Source: mmu/src/host/update-host-ptes.ts.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  allocPage,
  copyPage,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  installPage,
  invalidateRangeEnd,
  invalidateRangeStart,
  isHostPteMissing,
  isHostPtePresent,
  makeHostPte,
  movePage,
  pageBase,
  putPage,
  swapOut,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, framesAreAccountedFor } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { race } from '../setting.ts';
import { gfn0, hostPte, hvn0, touch } from '../small-vm.ts';

const BEFORE = 7;

type Move = (mem: Shared, vm: Vm) => unknown;

/** Relies on the invalidation to keep others away, which it does not. */
const movesWithoutLock: Move = (mem, vm) => {
  invalidateRangeStart(mem, vm, hvn0, 1);
  const pte = hostPte(mem, vm, hvn0);
  if (isHostPtePresent(pte)) {
    const target = allocPage(mem, vm);
    copyPage(mem, vm, hostPtePfn(pte), target);
    mem.store32(hostPtep(vm, hvn0), makeHostPte(target, HOST_PTE_WRITABLE));
  }
  invalidateRangeEnd(mem, vm, hvn0, 1);
  if (isHostPtePresent(pte)) putPage(mem, vm, hostPtePfn(pte));
};

const program = (name: string, { move }: { readonly move: Move }): Program =>
  race({
    name,
    setup: (mem, vm) => touch(mem, vm, gfn0, BEFORE),
    vcpus: [{ outside: () => undefined }],
    agents: {
      compactor: move,
      pager: (mem, vm) => {
        let content = 0;
        const save = (pfn: number): void => {
          content = mem.guestLoad(pageBase(vm, pfn as never));
        };
        swapOut(mem, vm, hvn0, { slot: 1, save });
        installPage(mem, vm, hvn0, (pfn) => mem.guestStore(pageBase(vm, pfn), content));
      },
    },
    sometimes: {
      'both have the page in hand': (mem, vm) => mem.load32(vm.at.mmu_invalidate_in_progress) === 2,
      'the page is missing while it is about to be moved': (mem, vm) =>
        isHostPteMissing(hostPte(mem, vm, hvn0)) &&
        mem.load32(vm.at.mmu_invalidate_in_progress) === 2,
    },
    finally: {
      'the page holds what it held': (mem, vm) => contentOf(mem, vm, hvn0) === BEFORE,
      'every frame has the references of its users': framesAreAccountedFor(),
    },
    oops: 'the page is not what it was',
  });

export const TWO_ACTORS: readonly Litmus[] = litmusesOf<{ readonly move: Move }>({
  source: 'mmu/src/host/update-host-ptes.ts',
  rule:
    'Invalidations may be open beside each other; the lock of the host page table, under which the entry is looked at again, ' +
    'puts those who change it in order.',
  links: [],
  program,
  holds: {
    'two-actors': {
      title: 'One page is moved by one thread of the host and swapped by another',
      story:
        'Both have withdrawn it from the guest; whoever has the lock second finds what the first has left.',
      parts: { move: (mem, vm) => movePage(mem, vm, hvn0) },
    },
  },
  breaks: {
    'two-actors-no-lock': {
      title:
        'One page is swapped by one thread of the host, and moved by another that takes no lock',
      violates: 'the page holds what it held',
      story:
        'The mover stores its frame over the entry of a page that has gone out: what comes back is not what the guest had.',
      fix: 'Look and store under the lock.',
      parts: { move: movesWithoutLock },
    },
  },
});
