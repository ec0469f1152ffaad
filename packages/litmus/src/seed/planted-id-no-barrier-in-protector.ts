// Result: Sometimes (tso)
//
// The first patchset's handshake without the protector's barrier: its flag waits in a store buffer.
// Source: "[PATCH 00/13] KVM: MMU: fast page fault", March 2012; the variant is ours.
import { barrier, fastPath, noBarrier, plantByStore, writeProtect } from '../historical/v1.ts';
import type { Litmus } from '../litmus.ts';
import { protectAgainst } from './planted-id-program.ts';

export const plantedIdNoBarrierInProtector: Litmus = {
  name: 'planted-id-no-barrier-in-protector',
  title:
    "The first patchset's handshake without the protector's barrier: the flag waits in a store buffer.",
  result: 'Sometimes',
  violates: 'what is protected is not writable',
  models: ['tso'],
  source: '"[PATCH 00/13] KVM: MMU: fast page fault", 29 March 2012, one barrier left out',
  story:
    "The flag is in the protector's store buffer when it looks at the spte and finds neither W nor an id. A vCPU plants its " +
    'id, finds no flag, and sets W. Then the flag drains.',
  fix: 'A full barrier between the store of the flag and the look at the spte.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'planted-id',
  program: () =>
    protectAgainst(
      'planted-id-no-barrier-in-protector',
      (id) => fastPath(id, plantByStore, barrier),
      writeProtect(noBarrier),
    ),
};
