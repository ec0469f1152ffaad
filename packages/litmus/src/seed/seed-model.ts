// Result: Never
//
// The seed's race over four words: a fast and a slow fault against a notifier that takes the whole spte away.
// Source: the review of the first patchset, April 2012 (Marcelo Tosatti), with the notifier of today.
import type { Litmus } from '../litmus.ts';
import { isHostWritable, isPresent, isWritable, seedModel } from './seed-model-program.ts';

export const seedModelSafe: Litmus = {
  name: 'seed-model',
  title: 'Two faults of one page against KSM, over four words: the notifier takes the spte away.',
  result: 'Never',
  source: 'linux-kvm, April 2012, review of "KVM: MMU: fast page fault"; the notifier as merged',
  story:
    'KSM withdraws the right to write from the host pte, then clears the spte under mmu_lock and counts the sequence ' +
    'number up. Meanwhile one vCPU repairs its fault by a cmpxchg, and another asks the host and maps.',
  fix: 'The fast path compares the word that the notifier clears; the slow path compares the sequence number.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  program: () => ({
    ...seedModel('safe', 1, 1),
    name: 'seed-model',
    sometimes: {
      'KSM overtakes a fault that has set W': (mem) => isWritable(mem) && !isHostWritable(mem),
      'a slow fault maps after KSM': (mem) =>
        isPresent(mem) && !isWritable(mem) && !isHostWritable(mem),
    },
  }),
};
