// Result: Never
//
// A VMM deletes a memslot while a vCPU faults on a page of it.
// Source: KVM_SET_USER_MEMORY_REGION with a size of 0; kvm_delete_memslot().
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import { deleteMemslot, invalidateRangeEnd, invalidateRangeStart, type Vm } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, framesAreAccountedFor, leafIsPresent } from '../properties.ts';
import { withOneSlot } from '../seam/one-slot.ts';
import { type Race, race } from '../setting.ts';
import { gfn0, hvn0, touch } from '../small-vm.ts';

/** Deletes slot 0 and reads its page at once: what is the VMM's alone may not change any more. */
function deleteAndRead(own: Shared, vm: Vm): number {
  const mem = withOneSlot(own, vm);
  deleteMemslot(mem, vm, 0);
  return contentOf(mem, vm, hvn0);
}

export const slotDeletion: Litmus = {
  name: 'slot-deletion',
  title: 'A VMM deletes a memslot while a vCPU faults on a page of it.',
  result: 'Never',
  source: 'KVM: kvm_delete_memslot(), kvm_swap_active_memslots()',
  story:
    'A vCPU stores to a page that is not mapped. At the same time the VMM takes the slot away: it marks it invalid, zaps ' +
    "what it maps and installs the slots without it. Then the memory is the VMM's alone.",
  fix:
    'Before the zap every vCPU has seen that the slot is invalid, or compares the generation under mmu_lock: nobody maps ' +
    'behind the zapper. The zap waits for those who are in the guest.',
  links: [],
  program: () => slotDeleted('slot-deletion', {}),
};

export const slotDeleted = (name: string, vm: Race['vm']): Program =>
  race({
    name,
    flags: 0,
    vm: { hostPages: 1, pageFrames: 1, ...vm },
    setup: (mem, vm) => {
      touch(mem, vm, gfn0);
      invalidateRangeStart(mem, vm, hvn0, 1);
      invalidateRangeEnd(mem, vm, hvn0, 1);
    },
    vcpus: [guestWriteBy({}, gfn0, 1)],
    agents: { vmm: deleteAndRead },
    sometimes: {
      'the page is mapped under an invalid slot': (mem, vm) =>
        leafIsPresent(mem, vm, gfn0) && mem.load32(vm.at.memslots) === 2,
      'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
    },
    finally: {
      'nothing of a deleted slot is mapped': (mem, vm) => !leafIsPresent(mem, vm, gfn0),
      'the page is as the VMM found it': (mem, vm, { vmm }) => contentOf(mem, vm, hvn0) === vmm,
      'every frame has the references of its users': framesAreAccountedFor(),
    },
    oops: 'the VMM gives memory away that a guest still stores to',
  });
