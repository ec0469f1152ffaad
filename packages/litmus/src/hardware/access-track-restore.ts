// Result: Sometimes; with a compare-and-exchange: Never.
//
// A fault on an access-tracked leaf gives the rights back that it keeps; in between a notifier has zapped it.
// Source: fast_page_fault() of KVM, which restores by the same cmpxchg by which it sets W.

import type { Shared } from '@faultline/atomics';
import {
  ageLeaf,
  fastPageFaultAccTrack,
  isAccessTracked,
  PT_WRITABLE_MASK,
  RET_PF_FIXED,
  RET_PF_INVALID,
  restoreAccTrack,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';
import { type FaultHandler, guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { everySpteIsLegal, leafOf, noLeafGrantsMoreThanTheHost } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { leafEntry } from '../races/write-track.ts';
import { race } from '../setting.ts';
import { gfn0, hvn0, leafAt, touch } from '../small-vm.ts';

const restorePlainly: FaultHandler = (mem, vm) => {
  const seen = leafOf(mem, vm, gfn0);
  if (!isAccessTracked(seen.low, seen.high)) return RET_PF_INVALID;
  const { low, high } = restoreAccTrack(seen);
  mem.storePlain64(leafAt(vm, gfn0), low | PT_WRITABLE_MASK, high);
  return RET_PF_FIXED;
};

const isTracked = (mem: Shared, vm: Vm): boolean => {
  const { low, high } = leafOf(mem, vm, gfn0);
  return isAccessTracked(low, high);
};

export const ACCESS_TRACK_RESTORE: readonly Litmus[] = brokenAndRepaired<FaultHandler>({
  name: 'access-track-restore',
  title: 'A notifier zaps an access-tracked leaf while a fault gives its rights back',
  violates: 'no leaf grants what the host does not',
  source: 'KVM 6.12, fast_page_fault()',
  story:
    'The fault reads an access-tracked leaf. The host write-protects the page: its notifier zaps the leaf, and as far as it ' +
    'knows nothing is mapped. The fault stores the leaf with its rights restored, and W.',
  fix: 'Restore by compare-and-exchange of the very word that the rights were kept in.',
  links: [],
  broken: restorePlainly,
  repaired: fastPageFaultAccTrack,
  make: (name, fast) =>
    race({
      name,
      vm: { adBits: false },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        ageLeaf(mem, vm, leafEntry(vm, gfn0), leafOf(mem, vm, gfn0));
      },
      vcpus: [guestWriteBy({ fast }, gfn0, 1)],
      agents: { ksmd: (mem, vm) => writeProtectHostPage(mem, vm, hvn0) },
      always: {
        'no leaf grants what the host does not': noLeafGrantsMoreThanTheHost,
        'every spte is in a legal state': everySpteIsLegal,
      },
      sometimes: {
        'the leaf is tracked while the notifier holds the lock': (mem, vm) =>
          isTracked(mem, vm) && mem.load32(vm.at.mmu_lock) !== 0,
      },
      oops: 'the guest writes a page that the host has protected',
    }),
});
