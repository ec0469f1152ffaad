// Result: Sometimes; with W by MMU_WRITABLE alone: Never.
//
// An access-tracked leaf that also kept W gives it back, though the right to write has been withdrawn meanwhile.
// Source: spte.c of KVM, mark_spte_for_access_track(): "W is never saved".
import {
  ageLeaf,
  clearSpteBits,
  fastPageFaultAccTrack,
  isAccessTracked,
  PT_WRITABLE_MASK,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  restoreAccTrack,
} from '@faultline/mmu';
import type { FaultHandler } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { leafOf, wImpliesMmuWritable } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { BOTH_BITS, leafEntry, trackWrites } from '../races/write-track.ts';
import { race } from '../setting.ts';
import { gfn0, leafAt, touch } from '../small-vm.ts';

/** As if a third bit had kept W: the leaf was writable when it was aged. */
const restoreWithW: FaultHandler = (mem, vm) => {
  const seen = leafOf(mem, vm, gfn0);
  if (!isAccessTracked(seen.low, seen.high)) return RET_PF_INVALID;
  const { low, high } = restoreAccTrack(seen);
  const writable = low | PT_WRITABLE_MASK;
  return mem.cmpxchg64(leafAt(vm, gfn0), seen.low, seen.high, writable, high)
    ? RET_PF_FIXED
    : RET_PF_RETRY;
};

export const ACCESS_TRACK_RESTORES_W: readonly Litmus[] = brokenAndRepaired<FaultHandler>({
  name: 'access-track-restores-w',
  title: 'A fault restores the W of an access-tracked leaf that has lost MMU_WRITABLE',
  violates: 'W implies MMU-writable',
  source: 'KVM, mark_spte_for_access_track()',
  story:
    'The ager keeps all rights of a writable leaf, W too. The page becomes a guest page table: MMU_WRITABLE is cleared, and W ' +
    'is clear already. The next fault brings the kept W back.',
  fix: 'Keep R and X alone. W comes back where MMU_WRITABLE is set, by a write fault.',
  links: [],
  broken: restoreWithW,
  repaired: fastPageFaultAccTrack,
  make: (name, fast) =>
    race({
      name,
      vm: { adBits: false },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        ageLeaf(mem, vm, leafEntry(vm, gfn0), leafOf(mem, vm, gfn0));
      },
      vcpus: [
        (mem, vm, vcpu) => {
          vcpu.fault.gfn = gfn0;
          vcpu.fault.error_code = 6;
          return fast(mem, vm, vcpu.fault);
        },
      ],
      agents: {
        tracker: trackWrites((mem, vm) => {
          clearSpteBits(mem, leafEntry(vm, gfn0), BOTH_BITS);
        }),
      },
      always: { 'W implies MMU-writable': wImpliesMmuWritable },
      sometimes: {
        'the leaf is tracked while the tracker holds the lock': (mem, vm) => {
          const { low, high } = leafOf(mem, vm, gfn0);
          return isAccessTracked(low, high) && mem.load32(vm.at.mmu_lock) !== 0;
        },
      },
    }),
});
