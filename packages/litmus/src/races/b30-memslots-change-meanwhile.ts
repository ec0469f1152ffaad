// Result: Sometimes; with an update that waits for the end: Never.
//
// The memslots change between the start and the end of an invalidation: the end finds other slots than the start, and does
// not take back what the start counted.
// Source: KVM commit 52ac8b358b0c (August 2021).
import type { Shared } from '@faultline/atomics';
import { deleteMemslot, invalidateRangeEnd, invalidateRangeStart, type Vm } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { withOneSlot } from '../seam/one-slot.ts';
import { withoutLooking } from '../seam/without.ts';
import { race } from '../setting.ts';
import { hvn0 } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';

type DeleteSlot = (mem: Shared, vm: Vm) => void;

export const MEMSLOTS_CHANGE_MEANWHILE: readonly Litmus[] = brokenAndRepaired<DeleteSlot>({
  name: 'b30-memslots-change-meanwhile',
  title: 'A memslot is deleted between the start and the end of an invalidation of its pages',
  violates: 'every start has its end',
  source: 'KVM commit 52ac8b358b0c (August 2021)',
  story:
    'The start of an invalidation counts one up for each memslot that it touches, the end one down. When a slot goes in ' +
    'between, the count never returns to 0, and faults wait for an invalidation that has ended; when one comes, it falls ' +
    'below 0, and they do not wait for one that has not.',
  fix: 'Whoever publishes memslots waits until no invalidation is open.',
  links: ['https://git.kernel.org/linus/52ac8b358b0c'],
  broken: (mem, vm) =>
    deleteMemslot(withoutLooking(mem, vm.at.mn_active_invalidate_count, 0), vm, 0),
  repaired: (mem, vm) => deleteMemslot(mem, vm, 0),
  make: (name, remove) =>
    race({
      name,
      vcpus: [{ outside: () => undefined }],
      agents: {
        host(mem, vm) {
          invalidateRangeStart(mem, vm, hvn0, 1);
          invalidateRangeEnd(mem, vm, hvn0, 1);
        },
        vmm: (mem, vm) => remove(withOneSlot(mem, vm), vm),
      },
      finally: {
        'every start has its end': (mem, vm) => mem.load32(vm.at.mmu_invalidate_in_progress) === 0,
      },
      sometimes: {
        'an invalidation meets the deletion': (mem, vm) =>
          mem.load32(vm.at.mmu_invalidate_in_progress) === 1 && mem.load32(vm.at.slots_lock) !== 0,
      },
      oops: 'every fault waits for an invalidation that is over',
    }),
});
