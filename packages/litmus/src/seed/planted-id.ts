// Result: Never (sc, tso)
//
// The first patchset's handshake: plant an id, barrier, look at the rmap head; against set the flag, barrier, look at the spte.
// Source: "[PATCH 00/13] KVM: MMU: fast page fault", March 2012 (Xiao Guangrong).
import {
  barrier,
  fastPath,
  hasId,
  isProtected,
  plantByStore,
  writeProtect,
} from '../historical/v1.ts';
import type { Litmus } from '../litmus.ts';
import { protectAgainst } from './planted-id-program.ts';

export const plantedId: Litmus = {
  name: 'planted-id',
  title:
    "The first patchset's handshake, an id planted in the spte against a flag in the rmap head, both barriers there.",
  result: 'Never',
  models: ['sc', 'tso'],
  source: '"[PATCH 00/13] KVM: MMU: fast page fault", 29 March 2012',
  story:
    'A vCPU plants its id in the spte and then looks whether the page is protected; the protector says that it is and then ' +
    'looks for W or an id. One of them sees the other. The id makes protection change a word that is read-only already.',
  fix: 'A full barrier on either side, even where the id is planted by a plain store.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  program: () => ({
    ...protectAgainst(
      'planted-id',
      (id) => fastPath(id, plantByStore, barrier),
      writeProtect(barrier),
    ),
    sometimes: {
      'protection meets a planted id': (mem) => hasId(mem) && isProtected(mem),
    },
  }),
};
