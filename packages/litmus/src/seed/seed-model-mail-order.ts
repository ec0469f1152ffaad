// Result: Sometimes
//
// The seed's race over four words, with the slow path as the mail lists it: host pte first, then the sequence number.
// Source: the review of the first patchset, April 2012 (Marcelo Tosatti).
import type { Litmus } from '../litmus.ts';
import { seedModel } from './seed-model-program.ts';

export const seedModelMailOrder: Litmus = {
  name: 'seed-model-mail-order',
  title:
    "The seed's race over four words, with a slow path that reads the host pte before the sequence number.",
  result: 'Sometimes',
  violates: 'W implies host-writable',
  source: 'linux-kvm, April 2012: "read host pte, read mmu_notifier_seq, spin_lock(mmu_lock)"',
  story:
    'A slow fault reads that the host pte is writable. KSM withdraws that right, clears the spte and counts the sequence ' +
    'number up. The fault reads the new number, finds it unchanged under mmu_lock, and maps the page writable.',
  fix: 'The sequence number first, then the host page: a withdrawal between the two then shows.',
  links: [],
  pair: 'seed-model',
  program: () => ({ ...seedModel('mail', 1, 1), name: 'seed-model-mail-order' }),
};
