// Result: Sometimes
//
// A slow fault reads the host's page before the sequence number, as the seed mail lists it.
// Source: the review of the first patchset, April 2012 (Marcelo Tosatti).
import { slowPageFaultMailOrder } from '../historical/slow-path-mail-order.ts';
import type { Litmus } from '../litmus.ts';
import { ksmAgainstSlowPath } from './slow-path-order.ts';

export const slowPathMailOrder: Litmus = {
  name: 'slow-path-mail-order',
  title: "A slow fault reads the host's page before the sequence number, as the mail lists it.",
  result: 'Sometimes',
  violates: 'a merged page never changes',
  source: 'linux-kvm, April 2012: "read host pte, read mmu_notifier_seq, spin_lock(mmu_lock)"',
  story:
    'The fault gets a writable page from the host. KSM protects the page from start to end, sequence number included, ' +
    'and merges it. The fault reads the new number, finds it unchanged under mmu_lock, and maps the page writable.',
  fix: "The sequence number first, then the host's page.",
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'slow-path-order',
  program: () => ksmAgainstSlowPath('slow-path-mail-order', slowPageFaultMailOrder, {}),
};
