// Result: Sometimes; with the level where the walk ended: Never.
//
// The fast path asks whether an entry is a leaf, and whether it is too large for the log, by the level at which the page would
// be mapped now, not by the one at which it is.
// Source: KVM commit 92a476cbfc47 (July 2013).
import { fastPageFault, type Memslot, maxMappingLevel } from '@faultline/mmu';
import { fastPageFaultAtLevel, type Levels } from '../historical/fast-path-at-level.ts';
import { type FaultHandler, guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { logIsComplete, pageTableLaws } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1 } from '../small-vm.ts';
import { HUGE_PAGES, isLarge, mapLargeThenLog } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';

const levelOfTheHost: Levels['leafOf'] = (_walked, vm, { slot, gfn }) =>
  maxMappingLevel(vm, slot as Memslot, gfn);

export const LEVEL_OF_THE_HOST: readonly Litmus[] = brokenAndRepaired<FaultHandler>({
  name: 'b3-level-of-the-host',
  title: 'The fast path judges an entry by the level at which the page would be mapped now',
  violates: 'every page that was written is marked',
  source: 'KVM commit 92a476cbfc47 (July 2013)',
  story:
    'The level was found out before the walk: small, since the slot is logged. The walk ends at a large leaf, left from ' +
    'before the log; a leaf of level 1 is always a leaf, and never too large. It becomes writable, and one page is marked. ' +
    'KVM could so take an entry that leads to a table for a leaf too; here such an entry is writable, and nothing comes of it.',
  fix: 'Go by the level of the table that holds the entry.',
  links: ['https://git.kernel.org/linus/92a476cbfc47'],
  broken: fastPageFaultAtLevel({ leafOf: levelOfTheHost, refuseLargeOf: levelOfTheHost }),
  repaired: fastPageFault,
  make: (name, fast) =>
    race({
      name,
      vm: HUGE_PAGES,
      flags: 0,
      setup: mapLargeThenLog,
      vcpus: [guestWriteBy({ fast }, gfn0, 1), guestWriteBy({ fast }, gfn1, 1)],
      always: pageTableLaws,
      finally: { 'every page that was written is marked': logIsComplete(() => ({})) },
      sometimes: {
        'two faults split the same leaf': (mem, vm) =>
          isLarge(mem, vm) && mem.load32(vm.at.mmu_lock) === 2,
      },
      oops: 'a migration sends one page of the two',
    }),
});
