// Result: Never; with a zap before the slot is invalid, or with none: Sometimes.
//
// A VMM moves a memslot while a vCPU repairs a write-protection fault in it.
// Source: KVM_SET_USER_MEMORY_REGION with another guest_phys_addr; kvm_invalidate_memslot(), kvm_move_memslot().
import type { Shared } from '@faultline/atomics';
import {
  fastPageFault,
  installMemslots,
  type Memslot,
  moveMemslot,
  readMemslots,
  type Vm,
  zapRange,
} from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, isMarked, leafIsPresent } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { withOneSlot } from '../seam/one-slot.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, harvestAll, hvn0, touch } from '../small-vm.ts';

interface Parts {
  readonly move: (mem: Shared, vm: Vm) => void;
}

/** Publishes slot 0 in its new place; what its faults had to be told before is left out. */
function publishMoved(mem: Shared, vm: Vm): void {
  mem.lock(vm.at.slots_lock);
  const [slot] = readMemslots(mem, vm, mem.load32(vm.at.memslots));
  installMemslots(mem, vm, [{ ...(slot as Memslot), baseGfn: gfn1 }]);
  mem.unlock(vm.at.slots_lock);
}

export const SLOT_MOVE: readonly Litmus[] = litmusesOf<Parts>({
  source: 'KVM: kvm_set_memslot(), kvm_invalidate_memslot(), kvm_move_memslot()',
  rule:
    'Publish the slot as invalid, wait until every vCPU has seen it, zap, and only then publish it in its new place: nobody ' +
    'maps behind the zapper.',
  links: [],
  program: (name, { move }) =>
    race({
      name,
      vm: { hostPages: 1, pageFrames: 1, mmioCaching: false },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        harvestAll(mem, vm);
      },
      vcpus: [guestWriteBy({ fast: fastPageFault }, gfn0, 1)],
      agents: {
        vmm(own, vm) {
          const mem = withOneSlot(own, vm);
          move(mem, vm);
          mem.again();
          return contentOf(mem, vm, hvn0);
        },
      },
      finally: {
        'nothing is mapped where the slot was': (mem, vm) => !leafIsPresent(mem, vm, gfn0),
        'the page is as the VMM found it': (mem, vm, { vmm }) => contentOf(mem, vm, hvn0) === vmm,
        'what was stored in the old place is in the log': (mem, vm) =>
          contentOf(mem, vm, hvn0) === 0 || isMarked(mem, vm, hvn0),
      },
      sometimes: {
        'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
        'the page is mapped while the slot moves': (mem, vm) =>
          leafIsPresent(mem, vm, gfn0) && mem.load32(vm.at.slots_lock) !== 0,
      },
      oops: 'a guest stores where it has no memory any more, and nobody logs it',
    }),
  holds: {
    'slot-move': {
      title: 'A VMM moves a memslot while a vCPU repairs a write-protection fault in it',
      story:
        'The vCPU has walked to its leaf. It sets W in time, and its mark is in the log, which the slot takes along; or it ' +
        'finds the leaf gone, waits while the slot is invalid, and then finds no memory.',
      models: ['sc'],
      parts: { move: (mem, vm) => moveMemslot(mem, vm, 0, gfn1) },
    },
  },
  breaks: {
    'slot-move-zaps-first': {
      title: 'A memslot is zapped, and published in its new place without having been invalid',
      violates: 'nothing is mapped where the slot was',
      story:
        'The fault comes between the zap and the publication. It finds the slot where it was, and maps the page again. ' +
        'Nobody comes to zap it a second time.',
      fix: 'Make the slot invalid before the zap.',
      parts: {
        move(mem, vm) {
          zapRange(mem, vm, gfn0, gfn1);
          publishMoved(mem, vm);
        },
      },
    },
  },
});
