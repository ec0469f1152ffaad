// Result: Sometimes; by what the exchange found: Never.
//
// Without A and D bits the ager takes W away, and W was all that said that the page may have been written. It looks for W
// before the exchange; in between the fast path sets it.
// Source: the order of age_gfn_range() in KVM 6.12, here with nothing else to say that the page is dirty.
import type { Program } from '@faultline/checker';
import { ageLeaf, isWritable, markForAccessTrack, setPfnDirty, writeSpte } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { type Race, race } from '../setting.ts';
import { gfn0, guestWrite, harvestAll, touch } from '../small-vm.ts';
import { type Age, ageBy, forgetPageFlags, theHostKnowsOfWrites } from './written-page.ts';

/** A page is aged where hardware has no A and D, beside a store that the fast path repairs. */
export const agedWithoutAdBits = (name: string, age: Age, vm: Race['vm'] = {}): Program =>
  race({
    name,
    vm: { ...vm, adBits: false },
    setup(mem, own) {
      touch(mem, own, gfn0);
      harvestAll(mem, own);
      forgetPageFlags(mem, own);
    },
    vcpus: [guestWrite(gfn0, 1)],
    agents: { ager: ageBy(age) },
    finally: { 'the host knows of what was written': theHostKnowsOfWrites },
    sometimes: {
      'the fast path sets W while the ager holds the lock': (mem, own) =>
        leafIsWritable(mem, own, gfn0) && mem.load32(own.at.mmu_lock) !== 0,
    },
    oops: 'the host drops the page as clean, and what the guest stored is gone',
  });

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
  make: agedWithoutAdBits,
});
