// Result: Never; with a sequence number read after the host page: Sometimes.
//
// The host moves a page to another frame while a slow fault is about to map the old one.
// Source: mmu/src/host/move-page.ts; Linux: migrate_pages() and mmu_invalidate_retry().
import type { Program } from '@faultline/checker';
import { invalidateRangeEnd, invalidateRangeStart, movePage, pageRefcount } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import {
  contentOf,
  framesAreAccountedFor,
  leafIsWritable,
  noLeafGrantsMoreThanTheHost,
  pageTableLaws,
} from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { SHIPPED, type Steps, slowPageFaultBy } from '../races/slow-path.ts';
import { race } from '../setting.ts';
import { gfn0, hvn0, touch } from '../small-vm.ts';

const BEFORE = 7;
const A_LEAF = 'no leaf grants what the host does not';

const program = (name: string, steps: Steps): Program =>
  race({
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0, BEFORE);
      invalidateRangeStart(mem, vm, hvn0, 1);
      invalidateRangeEnd(mem, vm, hvn0, 1);
    },
    vcpus: [guestWriteBy({ slow: slowPageFaultBy(steps) }, gfn0, 1)],
    agents: { compactor: (mem, vm) => movePage(mem, vm, hvn0) },
    always: { ...pageTableLaws, [A_LEAF]: noLeafGrantsMoreThanTheHost },
    sometimes: {
      'the fault holds the frame that was left': (mem, vm) =>
        pageRefcount(mem, vm, 0 as never) === 1 && pageRefcount(mem, vm, 1 as never) === 1,
      'the compactor finds the page mapped': (mem, vm) =>
        leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_invalidate_in_progress) === 1,
    },
    finally: {
      'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
      'every frame has the references of its users': framesAreAccountedFor(),
    },
    oops: 'the guest writes a frame that is free',
  });

export const MOVE_PAGE: readonly Litmus[] = litmusesOf<Steps>({
  source: 'mmu/src/host/move-page.ts; Linux: migrate_pages(), mmu_invalidate_retry()',
  rule: 'The number is older than the answer: a move after the answer shows in it, or is still in progress.',
  links: [],
  program,
  holds: {
    'move-page': {
      title: 'A page moves to another frame under a fault that has been told the old one',
      story:
        'The fault keeps the old frame from being reused, finds the number changed, and asks the host again.',
      parts: SHIPPED,
    },
  },
  breaks: {
    'move-without-number': {
      title: 'A page moves to another frame under a fault that reads the number too late',
      violates: A_LEAF,
      story:
        'The move comes whole between the answer and the number: the fault maps the frame that the page has left.',
      fix: 'Read the number first.',
      parts: { seqAfterHostPage: (mem, vm) => mem.load32(vm.at.mmu_invalidate_seq) },
    },
  },
});
