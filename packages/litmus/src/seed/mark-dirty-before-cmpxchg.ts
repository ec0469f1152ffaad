// Result: Sometimes
//
// The fast path of today with its mark before the cmpxchg: a harvest between the two loses the page.
// Source: our reading of the reviewer's sketch of April 2012 (Avi Kivity); the order is his.
import { fastPageFaultMarkFirst } from '../historical/fast-path-mark-first.ts';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { gfn0 } from '../small-vm.ts';
import { migrationAgainst } from './mark-dirty-after-cmpxchg.ts';

export const markDirtyBeforeCmpxchg: Litmus = {
  name: 'mark-dirty-before-cmpxchg',
  title: 'The fast path marks a page dirty before its cmpxchg, and a harvest comes between.',
  result: 'Sometimes',
  violates: 'a page that is not marked was sent as it is',
  source: "the order of the reviewer's sketch, April 2012, in the fast path of today",
  story:
    'The fast path marks the page. The harvest takes the mark, finds W clear already, changes nothing in the spte, and ' +
    'copies the page. The cmpxchg finds the word that it expects, and the guest writes a page that nobody will send.',
  fix: 'cmpxchg first, then the mark: re-protecting a protected spte changes nothing that a cmpxchg could notice.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'mark-dirty-after-cmpxchg',
  program: () =>
    migrationAgainst(
      'mark-dirty-before-cmpxchg',
      [guestWriteBy({ fast: fastPageFaultMarkFirst }, gfn0, 1)],
      {},
    ),
};
