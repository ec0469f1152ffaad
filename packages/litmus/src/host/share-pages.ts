// Result: Never; with the notifier called after W is taken: Sometimes.
//
// Somebody keeps a page as it is now, under a vCPU that may write it by the fast path.
// Source: mmu/src/host/share-pages.ts; Linux's fork() and its notifier around copy_page_range().
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  fastPageFault,
  getPage,
  HOST_PTE_SHARED,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtePfn,
  hostPtep,
  invalidateRangeEnd,
  invalidateRangeStart,
  type Pfn,
  pageBase,
  sharePages,
  type Vm,
} from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import {
  contentOf,
  framesAreAccountedFor,
  leafIsPresent,
  leafIsWritable,
  pageTableLaws,
} from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { race, type VmEnd } from '../setting.ts';
import { gfn0, harvestAll, hostPte, hvn0, touch } from '../small-vm.ts';

const BEFORE = 7;

type Share = (mem: Shared, vm: Vm, hvn: Hvn, visit: (hvn: Hvn, pfn: Pfn) => void) => void;

const tellsLate: Share = (mem, vm, hvn, visit) => {
  mem.lock(vm.at.host_page_table_lock);
  const pte = mem.load32(hostPtep(vm, hvn));
  mem.store32(hostPtep(vm, hvn), (pte & ~HOST_PTE_WRITABLE) | HOST_PTE_SHARED);
  getPage(mem, vm, hostPtePfn(pte));
  visit(hvn, hostPtePfn(pte));
  mem.unlock(vm.at.host_page_table_lock);
  invalidateRangeStart(mem, vm, hvn, 1);
  invalidateRangeEnd(mem, vm, hvn, 1);
};

/** What the keeper was told, and read there and then. */
interface Kept {
  readonly pfn: Pfn;
  readonly content: number;
}

const keep = (share: Share) => (mem: Shared, vm: Vm) => {
  let kept: Kept | undefined;
  share(mem, vm, hvn0, (_, pfn) => {
    kept = { pfn, content: mem.guestLoad(pageBase(vm, pfn)) };
  });
  return kept;
};

const standsStill: VmEnd = (mem, vm, { keeper }) => {
  const { pfn, content } = keeper as Kept;
  return mem.guestLoad(pageBase(vm, pfn)) === content;
};

const program = (name: string, { share }: { readonly share: Share }): Program =>
  race({
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0, BEFORE);
      harvestAll(mem, vm);
    },
    vcpus: [guestWriteBy({ fast: fastPageFault }, gfn0, 1)],
    agents: { keeper: keep(share) },
    ...(share === tellsLate ? {} : { always: pageTableLaws }),
    sometimes: {
      'the fast path was first': (mem, vm) =>
        leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_invalidate_in_progress) === 1,
      'the page is kept, and zapped': (mem, vm) =>
        (hostPte(mem, vm, hvn0) & HOST_PTE_SHARED) !== 0 && !leafIsPresent(mem, vm, gfn0),
      'the writer has a frame of its own': (mem, vm) => hostPtePfn(hostPte(mem, vm, hvn0)) !== 0,
    },
    finally: {
      'a kept page stands still': standsStill,
      'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
      'every frame has the references of its users': framesAreAccountedFor((_mem, _vm, results) => [
        (results.keeper as Kept).pfn,
      ]),
    },
    oops: 'what was kept is written',
  });

export const SHARE_PAGES: readonly Litmus[] = litmusesOf({
  source: 'mmu/src/host/share-pages.ts; Linux: copy_page_range() within its notifier',
  rule: 'The MMU zaps before W is taken: nobody writes the frame any more when the reference is given.',
  links: [],
  program,
  holds: {
    'share-pages': {
      title: 'A page is kept as it is, while a vCPU repairs its fault on it by the fast path',
      story:
        'Somebody who makes a snapshot takes W from the host pte and a reference to the frame. The vCPU either stores ' +
        'before, and the store is in what is kept, or faults, finds the frame shared, and gets a copy.',
      parts: { share: (mem, vm, hvn, visit) => sharePages(mem, vm, hvn, 1, visit) },
    },
  },
  breaks: {
    'share-tells-late': {
      title: 'A page is kept, and the MMU is told afterwards',
      violates: 'a kept page stands still',
      story:
        'Between the two the fast path sets W by what the spte still says, and the guest writes what is kept.',
      fix: 'Call the notifier first.',
      parts: { share: tellsLate },
    },
  },
});
