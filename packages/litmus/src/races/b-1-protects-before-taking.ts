// Result: Sometimes; with the log taken first: Never.
//
// The dirty log is taken after its pages were protected, so that a store between the two is in the log that was taken and
// its page stays writable.
// Source: KVM commit edde99ce0529 (2010).
import type { Shared } from '@faultline/atomics';
import {
  clearSpteBits,
  flushRemoteTlbs,
  getDirtyLog,
  PT_WRITABLE_MASK,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { isMarked } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, hvn0, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';
import { leafEntry } from './write-track.ts';

const PAGE = 0;

/** How many pages it took; gfn 0 is the only one there is. */
type Harvest = (mem: Shared, vm: Vm) => number;

const protectThenTake: Harvest = (mem, vm) => {
  mem.lock(vm.at.slots_lock);
  mem.writeLock(vm.at.mmu_lock);
  clearSpteBits(mem, leafEntry(vm, gfn0), PT_WRITABLE_MASK);
  mem.writeUnlock(vm.at.mmu_lock);
  flushRemoteTlbs(mem, vm);
  const taken = mem.xchg32(vm.at.dirty_bitmap, 0);
  mem.unlock(vm.at.slots_lock);
  return taken === 0 ? 0 : 1;
};

export const PROTECTS_BEFORE_TAKING: readonly Litmus[] = brokenAndRepaired<Harvest>({
  name: 'b-1-protects-before-taking',
  title: 'A page is written between its protection and the taking of the log',
  violates: 'a page that is not marked was copied as it is',
  source: 'KVM commit edde99ce0529 (2010)',
  story:
    'The harvest protects the pages, then takes the bitmap. A store between the two faults, sets W again and marks the ' +
    'page in the bitmap that is about to be taken. The page is copied, stays writable, and what is written next is in no log.',
  fix: 'Take the bitmap first: a store between the two marks the page again, for the next harvest.',
  links: ['https://git.kernel.org/linus/edde99ce0529'],
  broken: protectThenTake,
  repaired: (mem, vm) => getDirtyLog(mem, vm, 0),
  make: (name, harvest) =>
    race({
      name,
      setup: (mem, vm) => touch(mem, vm, gfn0),
      vcpus: [
        (mem, vm, vcpu) => {
          guestWrite(gfn0, 1)(mem, vm, vcpu);
          guestWrite(gfn0, 2)(mem, vm, vcpu);
        },
      ],
      agents: { harvester: (mem, vm) => harvest(mem, vm) > 0 && mem.guestLoad(PAGE) },
      finally: {
        'a page that is not marked was copied as it is': (mem, vm, { harvester }) =>
          isMarked(mem, vm, hvn0) || mem.guestLoad(PAGE) === harvester,
      },
      sometimes: {
        'the page is marked after the harvest': (mem, vm) =>
          isMarked(mem, vm, hvn0) && mem.guestLoad(PAGE) === 1,
      },
      oops: 'the copy is old, and no log says so',
    }),
});
