// Result: Sometimes; by what the exchange found: Never.
//
// Without A and D bits the ager takes W away, and W was all that said that the page may have been written. It looks for W
// before the exchange; in between the fast path sets it.
// Source: the order of age_gfn_range() in KVM 6.12, here with nothing else to say that the page is dirty.
import { ageLeaf, isWritable, markForAccessTrack, setPfnDirty, writeSpte } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, harvestAll, touch } from '../small-vm.ts';
import { type Age, ageBy, forgetPageFlags, theHostKnowsOfWrites } from './written-page.ts';

export const ACCESS_TRACK_DIRTY_LOST: readonly Litmus[] = brokenAndRepaired<Age>({
  name: 'access-track-dirty-lost',
  title:
    'The ager looks for W before it takes all rights away, and the fast path sets W in between',
  violates: 'the host knows of what was written',
  source: 'KVM 6.12, age_gfn_range()',
  story:
    'The leaf is write-protected for the log. The ager sees no W, so it tells the host nothing of stores. The fast path sets ' +
    'W, the guest stores; the ager exchanges the leaf for an access-tracked one, which keeps R and X and not W.',
  fix: 'Tell the host by the value that the exchange found.',
  links: [],
  broken(mem, vm, entry, seen) {
    if (isWritable(seen.low)) setPfnDirty(mem, vm, entry, seen);
    writeSpte(mem, entry, seen, markForAccessTrack(seen));
  },
  repaired: ageLeaf,
  make: (name, age) =>
    race({
      name,
      vm: { adBits: false },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        harvestAll(mem, vm);
        forgetPageFlags(mem, vm);
      },
      vcpus: [guestWrite(gfn0, 1)],
      agents: { ager: ageBy(age) },
      finally: { 'the host knows of what was written': theHostKnowsOfWrites },
      sometimes: {
        'the fast path sets W while the ager holds the lock': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_lock) !== 0,
      },
      oops: 'the host drops the page as clean, and what the guest stored is gone',
    }),
});
