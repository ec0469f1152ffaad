// Result: Sometimes; with a compare-and-exchange: Never.
//
// Without A and D bits: a slow fault on a load gives an access-tracked leaf its rights back, while the fast path of another
// vCPU does, and sets W.
// Source: mmu/src/legacy/mmu-spte.ts; KVM calls mmu_spte_update() with the leaf that the host grants now.
import type { Shared } from '@faultline/atomics';
import {
  ageLeaf,
  isAccessTracked,
  isShadowPresent,
  mmuSpteRestore,
  restoreAccTrack,
  type Vm,
} from '@faultline/mmu';
import { forgetPageFlags, theHostKnowsOfWrites } from '../hardware/written-page.ts';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable, leafOf } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { leafEntry } from '../races/write-track.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, harvestAll, touch } from '../small-vm.ts';

type Restore = typeof mmuSpteRestore;

/** As the slow fault does it when it finds the leaf tracked, under mmu_lock. */
const restoreBy =
  (restore: Restore) =>
  (mem: Shared, vm: Vm): void => {
    mem.writeLock(vm.at.mmu_lock);
    const seen = leafOf(mem, vm, gfn0);
    if (isShadowPresent(seen.low) && isAccessTracked(seen.low, seen.high)) {
      restore(mem, leafEntry(vm, gfn0).sptep, seen);
    }
    mem.writeUnlock(vm.at.mmu_lock);
  };

export const RESTORE_BY_EXCHANGE: readonly Litmus[] = brokenAndRepaired<Restore>({
  name: 'legacy-restore-by-exchange',
  title: 'A slow fault gives a leaf its rights back over a fast path that has set W in it',
  violates: 'the host knows of what was written',
  source: 'mmu/src/legacy/mmu-spte.ts',
  story:
    'The slow fault reads an access-tracked leaf. The fast path of another vCPU restores it and sets W; the guest stores. The ' +
    'slow fault exchanges the leaf for what it had kept, which is never W: and with no D, W was all that told of the store.',
  fix: 'Compare: if the leaf is no longer what was read, somebody has repaired it.',
  links: [],
  broken(mem, sptep, seen) {
    const { low, high } = restoreAccTrack(seen);
    mem.xchg64(sptep, low, high);
    return true;
  },
  repaired: mmuSpteRestore,
  make: (name, restore) =>
    race({
      name,
      vm: { mmu: 'legacy', adBits: false },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        harvestAll(mem, vm);
        ageLeaf(mem, vm, leafEntry(vm, gfn0), leafOf(mem, vm, gfn0));
        forgetPageFlags(mem, vm);
      },
      vcpus: [guestWrite(gfn0, 1)],
      agents: { 'slow fault': restoreBy(restore) },
      finally: { 'the host knows of what was written': theHostKnowsOfWrites },
      sometimes: {
        'the fast path sets W while the slow fault holds the lock': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_lock) !== 0,
      },
      oops: 'the host drops the page as clean, and what the guest stored is gone',
    }),
});
