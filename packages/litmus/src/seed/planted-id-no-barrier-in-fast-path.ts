// Result: Sometimes (tso)
//
// The first patchset's handshake without the fast path's barrier: the planted id waits in a store buffer.
// Source: "[PATCH 00/13] KVM: MMU: fast page fault", March 2012; the variant is ours.
import { barrier, fastPath, noBarrier, plantByStore, writeProtect } from '../historical/v1.ts';
import type { Litmus } from '../litmus.ts';
import { protectAgainst } from './planted-id-program.ts';

export const plantedIdNoBarrierInFastPath: Litmus = {
  name: 'planted-id-no-barrier-in-fast-path',
  title:
    "The first patchset's handshake without the fast path's barrier: the id waits in a store buffer.",
  result: 'Sometimes',
  violates: 'what is protected is not writable',
  models: ['tso'],
  source: '"[PATCH 00/13] KVM: MMU: fast page fault", 29 March 2012, one barrier left out',
  story:
    "The id is in the vCPU's store buffer when it looks at the rmap head and finds no protection. The protector sets its " +
    'flag, sees no id, and goes. Then the id drains, and the cmpxchg finds what it expects.',
  fix: 'A full barrier between the store of the id and the look at the rmap head.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'planted-id',
  program: () =>
    protectAgainst(
      'planted-id-no-barrier-in-fast-path',
      (id) => fastPath(id, plantByStore, noBarrier),
      writeProtect(barrier),
    ),
};
