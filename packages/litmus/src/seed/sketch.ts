// Result: Sometimes
//
// The reviewer's fast path as he wrote it, with W set instead of cleared: mark, then cmpxchg.
// Source: the review of the first patchset, April 2012 (Avi Kivity).
import { guestWriteBy } from '../historical/guest-store.ts';
import { sketchMarkFirst } from '../historical/sketch.ts';
import type { Litmus } from '../litmus.ts';
import { gfn0 } from '../small-vm.ts';
import { migrationAgainst } from './mark-dirty-after-cmpxchg.ts';

export const sketch: Litmus = {
  name: 'sketch',
  title: "The reviewer's fast path against a migration: its mark comes before its cmpxchg.",
  result: 'Sometimes',
  violates: 'a page that is not marked was sent as it is',
  source: 'linux-kvm, April 2012: "I would like to see the fast path as simple as ..."',
  story:
    'The sketch marks the page, then uses PT_MAY_ALLOW_WRITES up in a cmpxchg. A harvest between the two takes the mark and ' +
    'leaves the spte alone, since W is clear. The one-shot bit does not help: nobody has touched it.',
  fix: 'cmpxchg first, then the mark.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'sketch-mark-last',
  program: () => migrationAgainst('sketch', [guestWriteBy({ fast: sketchMarkFirst }, gfn0, 1)], {}),
};
