// Result: Sometimes
//
// The seed's race over four words, as the mail drew it: the notifier clears W and leaves the rest.
// Source: the review of the first patchset, April 2012 (Marcelo Tosatti).
import type { Litmus } from '../litmus.ts';
import { seedModel } from './seed-model-program.ts';

export const seedModelClearsW: Litmus = {
  name: 'seed-model-clears-w',
  title: "The seed's race over four words, with the notifier of the mail: it clears W only.",
  result: 'Sometimes',
  violates: 'W implies host-writable',
  source: 'linux-kvm, April 2012, review of "KVM: MMU: fast page fault"',
  story:
    'The notifier clears W in the spte. A fault that reads the spte now finds it read-only but repairable, and its ' +
    'cmpxchg succeeds: nothing in the word says that the host has withdrawn the right to write.',
  fix: 'The notifier takes the whole spte away, so that the right to write is gone from the word that is compared.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'seed-model',
  drawn: '0 1*6 2*6 0',
  program: () => ({ ...seedModel('unsafe', 1, 1), name: 'seed-model-clears-w' }),
};
