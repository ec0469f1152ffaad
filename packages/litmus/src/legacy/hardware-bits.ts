// Result: Never
//
// The races for A, D and the rights that stand for them once more, where the legacy MMU changes the leaves.
// Source: KVM's mmu_spte_age(), __rmap_clear_dirty(); vmx_handle_exit().
import { ageLeaf, leaveGuest } from '@faultline/mmu';
import { agedWithoutAdBits } from '../hardware/access-track-dirty-lost.ts';
import { agedUnderAStore } from '../hardware/hardware-dirty-lost.ts';
import { lastHarvest } from '../hardware/pml-drained-too-late.ts';
import type { Litmus } from '../litmus.ts';

const vm = { mmu: 'legacy' } as const;
const told = {
  result: 'Never',
  models: ['sc', 'tso'],
  source: 'KVM: mmu_spte_age(), __rmap_clear_dirty()',
  links: [],
} as const;

export const LEGACY_HARDWARE: readonly Litmus[] = [
  {
    ...told,
    name: 'legacy-aged-without-ad-bits',
    title: 'The legacy MMU takes all rights from a leaf while the fast path sets W in it.',
    story:
      'The leaf may be changed by the fast path, so it is exchanged; W in what the exchange finds tells the host of the store.',
    fix: 'As in access-track-dirty-lost-repaired.',
    program: () => agedWithoutAdBits('legacy-aged-without-ad-bits', ageLeaf, vm),
  },
  {
    ...told,
    name: 'legacy-aged-under-a-store',
    title: 'The legacy MMU clears A while hardware sets D in the same spte.',
    story: 'One bit is cleared atomically, and D stays.',
    fix: 'As in hardware-dirty-lost-repaired.',
    program: () => agedUnderAStore('legacy-aged-under-a-store', ageLeaf, vm),
  },
  {
    ...told,
    name: 'legacy-pml-last-harvest',
    title: 'The last harvest of the legacy MMU with PML, beside a vCPU that stores and leaves.',
    story:
      'The harvest clears D by the rmap of the page, after each vCPU has handed on what hardware logged. The vCPU empties its ' +
      'buffer before it is seen outside.',
    fix: 'As in pml-drained-too-late-repaired.',
    program: () => lastHarvest('legacy-pml-last-harvest', leaveGuest, vm),
  },
];
