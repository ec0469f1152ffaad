// Result: Sometimes; with large leaves of a logged slot left to the slow path: Never.
//
// The log protects a large leaf as it is; the fast path makes it writable and marks the one page that was written.
// Source: KVM commits caf6900f2d8a (2013), 6b73a96065e8 which reverts it, and c126d94f2c90.
import { fastPageFault } from '@faultline/mmu';
import { fastPageFaultAtLevel } from '../historical/fast-path-at-level.ts';
import { type FaultHandler, guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { logIsComplete, pageTableLaws } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1 } from '../small-vm.ts';
import { HUGE_PAGES, isLarge, mapLargeThenLog } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';

/** As before large leaves were thought of: whatever the level, a leaf is a leaf. */
const openAnyLeaf: FaultHandler = fastPageFaultAtLevel({
  refuseLargeOf: () => 1,
  leafOf: (walked) => walked,
});

export const OPENS_A_LARGE_PAGE: readonly Litmus[] = brokenAndRepaired<FaultHandler>({
  name: 'b1-opens-a-large-page',
  title: 'The fast path makes a large page writable and marks one page of it',
  violates: 'every page that was written is marked',
  source: 'KVM commits caf6900f2d8a (2013), 6b73a96065e8 which reverts it, and c126d94f2c90',
  story:
    'When its log began, a large leaf was write-protected instead of dropped. The first write to one of its pages came to ' +
    'the fast path, which gave the leaf its W back and marked that one page. The guest wrote the others through the same ' +
    'leaf, and no bit of the log says so.',
  fix: 'The fast path leaves large leaves of a logged slot to the slow path, which splits them first.',
  links: ['https://git.kernel.org/linus/6b73a96065e8', 'https://git.kernel.org/linus/c126d94f2c90'],
  broken: openAnyLeaf,
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
