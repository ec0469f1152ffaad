// Result: Never
//
// A vCPU marks a page while a harvest takes the mark of its neighbour from the same word of the dirty log.
// Source: kvm_get_dirty_log_protect() of KVM, which takes a word of the log with xchg().
import { fastPageFault, type Gfn } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import {
  type Copy,
  isMarked,
  isTold,
  leafIsWritable,
  logIsComplete,
  pageTableLaws,
} from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, harvestAll, hvn0, hvn1, touch } from '../small-vm.ts';
import { round } from './mark-dirty-after-cmpxchg.ts';

const write = (gfn: Gfn) => guestWriteBy({ fast: fastPageFault }, gfn, 1);

export const oneLogWordHarvest: Litmus = {
  name: 'one-log-word-harvest',
  title: 'A vCPU marks a page while a harvest takes the mark of its neighbour from the same word.',
  result: 'Never',
  source: 'KVM: kvm_get_dirty_log_protect(), xchg()',
  story:
    'One page is marked, its neighbour is protected. A vCPU stores to the neighbour and marks it, just as a migration ' +
    'takes the log: the two marks are bits of one word.',
  fix:
    'What a harvest takes it clears by one atomic, which also answers what was there. A load and a store would clear a mark ' +
    'that came between the two, and nobody would have been told of it.',
  links: [],
  program: () =>
    race({
      name: 'one-log-word-harvest',
      setup: (mem, vm) => {
        touch(mem, vm, gfn0);
        touch(mem, vm, gfn1);
        harvestAll(mem, vm);
        touch(mem, vm, gfn0, 1);
      },
      vcpus: [write(gfn1)],
      agents: { migration: round },
      always: pageTableLaws,
      sometimes: {
        'the neighbour is marked before the harvest has the word': (mem, vm) =>
          isMarked(mem, vm, hvn0) && isMarked(mem, vm, hvn1),
        'the neighbour is writable when the harvest has the word': (mem, vm) =>
          isTold(mem, vm, hvn0) && leafIsWritable(mem, vm, gfn1) && !isMarked(mem, vm, hvn1),
      },
      finally: {
        'a page that is not marked was sent as it is': logIsComplete((r) => r.migration as Copy),
        'what was taken is in the log no more': (mem, vm) => !isMarked(mem, vm, hvn0),
      },
      oops: 'a page was written, and no migration will ever send it again',
    }),
};
