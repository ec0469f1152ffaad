// Result: Never
//
// The reviewer's fast path with its mark after its cmpxchg.
// Source: the review of the first patchset, April 2012 (Avi Kivity), in the order of the merged code.
import { guestWriteBy } from '../historical/guest-store.ts';
import { sketchExchangeFirst } from '../historical/sketch.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, isMarked, isTold, leafIsWritable } from '../properties.ts';
import { gfn0, hvn0 } from '../small-vm.ts';
import { migrationAgainst } from './mark-dirty-after-cmpxchg.ts';

const write = (value: number) => guestWriteBy({ fast: sketchExchangeFirst }, gfn0, value);

export const sketchMarkLast: Litmus = {
  name: 'sketch-mark-last',
  title: "The reviewer's fast path against a migration, its mark moved behind its cmpxchg.",
  result: 'Never',
  source: 'linux-kvm, April 2012: "I would like to see the fast path as simple as ..."',
  story:
    'The one-shot bit is used up by the cmpxchg, then the page is marked. A second vCPU that finds the bit gone takes the ' +
    'slow path for nothing, which is slow and safe.',
  fix: 'The order, and the last harvest with the vCPUs stopped.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  program: () =>
    migrationAgainst('sketch-mark-last', [write(1)], {
      sometimes: {
        'the page is writable and not marked': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && !isMarked(mem, vm, hvn0),
        'a harvest takes the mark of a page that is written': (mem, vm) =>
          isTold(mem, vm, hvn0) && contentOf(mem, vm, hvn0) !== 0,
      },
    }),
};
