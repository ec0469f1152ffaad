// Result: Sometimes
//
// The first patchset's handshake without the id: flag and cmpxchg alone.
// Source: "[PATCH 00/13] KVM: MMU: fast page fault", March 2012; the variant is ours.
import { barrier, fastPath, plantNothing, writeProtect } from '../historical/v1.ts';
import type { Litmus } from '../litmus.ts';
import { protectAgainst } from './planted-id-program.ts';

export const noPlantedId: Litmus = {
  name: 'no-planted-id',
  title: "The first patchset's handshake without the id: a flag and a cmpxchg do not suffice.",
  result: 'Sometimes',
  violates: 'what is protected is not writable',
  source: '"[PATCH 00/13] KVM: MMU: fast page fault", 29 March 2012, the id left out',
  story:
    'A vCPU looks at the rmap head and finds no protection. The protector sets the flag and finds the spte read-only: ' +
    'nothing to clear. The cmpxchg finds the word as it was.',
  fix: 'Something in the word itself: the id then, MMU_WRITABLE since.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'planted-id',
  program: () =>
    protectAgainst(
      'no-planted-id',
      (id) => fastPath(id, plantNothing, barrier),
      writeProtect(barrier),
    ),
};
