// Result: Never
//
// A vCPU plants its id by cmpxchg while a notifier zaps the spte.
// Source: "[PATCH 00/13] KVM: MMU: fast page fault", March 2012 (Xiao Guangrong); the zap is ours.
import { barrier, fastPath, hasId, isPresent, plantByCmpxchg } from '../historical/v1.ts';
import type { Litmus } from '../litmus.ts';
import { isFreed, zapAgainst } from './planted-id-program.ts';

export const plantedIdZap: Litmus = {
  name: 'planted-id-zap',
  title: 'A vCPU plants its id by cmpxchg while a notifier zaps the spte.',
  result: 'Never',
  source: '"[PATCH 00/13] KVM: MMU: fast page fault", 29 March 2012, with a zap beside it',
  story:
    'The notifier zaps the spte and gives the page back while a vCPU plants its id and then sets W.',
  fix: "Both of the vCPU's writes compare: neither lands in an spte that was zapped since it looked.",
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  program: () => ({
    ...zapAgainst('planted-id-zap', (id) => fastPath(id, plantByCmpxchg, barrier)),
    sometimes: {
      'an id is planted': (mem) => hasId(mem),
      'the zap is first': (mem) => isFreed(mem) && !isPresent(mem),
    },
  }),
};
