// Result: Sometimes; with every value judged before it is used: Never.
//
// Whoever changes an spte under the read lock loses a cmpxchg, takes the value that it found, and tries again without asking
// anew whether it may.
// Source: KVM commits 45a61ebb2211 (December 2023) and 3354ef5a592d.
import { modeOf, type Shared, setMode } from '@faultline/atomics';
import {
  FROZEN_SPTE,
  type Gfn,
  isShadowPresent,
  OUTSIDE_GUEST_MODE,
  PT_ACCESSED_MASK,
  READING_SHADOW_PAGE_TABLES,
  type Vm,
  walkToLastSptep,
  zapRange,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { race } from '../setting.ts';
import { gfn0, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';

/** May the accessed bit be cleared in this value? */
type MayAge = (low: number) => boolean;

const isAccessed: MayAge = (low) => (low & PT_ACCESSED_MASK) !== 0;

/** Clears the accessed bit of gfn 0 with mmu_lock held for reading. KVM: age_gfn_range(). */
const age = (mayAgeAgain: MayAge) => (mem: Shared, vm: Vm) => {
  const mode = modeOf(mem.thread);
  const walk = { root: vm.roots[0], gfn: gfn0, level: 0 };
  mem.readLock(vm.at.mmu_lock);
  setMode(mem, mode, READING_SHADOW_PAGE_TABLES);
  const sptep = walkToLastSptep(mem, vm, walk);
  let low = mem.load64(sptep);
  let high = mem.high;
  let may = isShadowPresent(low) && isAccessed(low);
  while (may && !mem.cmpxchg64(sptep, low, high, low & ~PT_ACCESSED_MASK, high)) {
    low = mem.low;
    high = mem.high;
    may = mayAgeAgain(low);
  }
  setMode(mem, mode, OUTSIDE_GUEST_MODE);
  mem.readUnlock(vm.at.mmu_lock);
};

/** The leaf of gfn 0 in the only table under the root: setup's third frame. */
const leafOf = (vm: Vm): number => vm.roots[1] + (1 << vm.tableShift);

export const NO_SECOND_LOOK: readonly Litmus[] = brokenAndRepaired<MayAge>({
  name: 'b9-no-second-look',
  title: 'An ager loses a cmpxchg to a zapper, and changes the frozen entry that it finds',
  violates: "a frozen entry is its owner's",
  source: 'KVM commits 45a61ebb2211 (December 2023) and 3354ef5a592d',
  story:
    'A harvester cleared the dirty bit under the read lock. It judged the spte, lost the cmpxchg, and went on with the ' +
    'value found: by then an entry that leads to a table, or one that is frozen. Here an ager does so: it takes a bit from ' +
    'a frozen entry, which is then frozen no more while its owner takes the table apart.',
  fix: 'Judge each value anew: present, a leaf, and the bit set.',
  links: ['https://git.kernel.org/linus/45a61ebb2211', 'https://git.kernel.org/linus/3354ef5a592d'],
  broken: isAccessed,
  repaired: (low) => isShadowPresent(low) && isAccessed(low),
  make: (name, mayAgeAgain) =>
    race({
      name,
      vm: { geometry: { levels: 2, indexBits: 1 } },
      setup: (mem, vm) => touch(mem, vm, gfn0),
      vcpus: [{ outside: () => undefined }],
      agents: {
        ager: age(mayAgeAgain),
        zapper: (mem, vm) => zapRange(mem, vm, gfn0, vm.gfnLimit as Gfn),
      },
      always: {
        "a frozen entry is its owner's": (mem, vm) => {
          const low = mem.load64(leafOf(vm));
          return isShadowPresent(low) || mem.high !== FROZEN_SPTE.high || low === FROZEN_SPTE.low;
        },
      },
      sometimes: {
        'the leaf is frozen while the ager holds the lock': (mem, vm) =>
          mem.load64(leafOf(vm)) === FROZEN_SPTE.low && mem.load32(vm.at.mmu_lock) === 2,
      },
      oops: 'a fault may map through a table that is being freed',
    }),
});
