// Result: Never; with the flag switched on a slot that is there: Sometimes.
//
// A VMM makes memory read-only, by a slot that it deletes and creates anew, while a vCPU stores to it.
// Source: KVM_MEM_READONLY; __kvm_set_memory_region(), which refuses to switch it.
import type { Shared } from '@faultline/atomics';
import {
  createMemslot,
  deleteMemslot,
  fastPageFault,
  installMemslots,
  KVM_MEM_READONLY,
  type Vm,
} from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, leafIsWritable } from '../properties.ts';
import { litmusesOf } from '../protocol.ts';
import { withOneSlot } from '../seam/one-slot.ts';
import { race } from '../setting.ts';
import { gfn0, harvestAll, hvn0, touch } from '../small-vm.ts';

interface Parts {
  readonly makeReadonly: (mem: Shared, vm: Vm) => void;
}

const ROM = { id: 0, baseGfn: gfn0, npages: 1, hvn: hvn0, flags: KVM_MEM_READONLY };

export const BECOMES_READ_ONLY: readonly Litmus[] = litmusesOf<Parts>({
  source: 'KVM: check_memory_region_flags(), __kvm_set_memory_region(): EINVAL',
  rule: 'A slot stays read-only or writable for as long as it is there: what it maps goes with it.',
  links: [],
  program: (name, { makeReadonly }) =>
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
          makeReadonly(mem, vm);
          mem.again();
          return contentOf(mem, vm, hvn0);
        },
      },
      finally: {
        'what is read-only stands still': (mem, vm, { vmm }) => contentOf(mem, vm, hvn0) === vmm,
        'nothing of it is writable': (mem, vm) => !leafIsWritable(mem, vm, gfn0),
      },
      sometimes: {
        'the store arrives before': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
        'the store is for the VMM': (mem, vm) =>
          contentOf(mem, vm, hvn0) === 0 && mem.load32(vm.at.memslots) === 8,
      },
      oops: 'a guest changes what the VMM has given it to read',
    }),
  holds: {
    'becomes-read-only': {
      title: 'Memory becomes read-only, by a slot that is deleted and created anew, under a fault',
      story:
        'The vCPU has walked to a leaf that it may make writable. It does so before the deletion, and loses it there, or ' +
        'finds it gone, and then a slot that sends its store to the VMM.',
      models: ['sc'],
      parts: {
        makeReadonly(mem, vm) {
          deleteMemslot(mem, vm, 0);
          mem.again();
          createMemslot(mem, vm, ROM);
        },
      },
    },
  },
  breaks: {
    'becomes-read-only-by-its-flag': {
      title: 'A memslot is made read-only by its flag alone',
      violates: 'what is read-only stands still',
      story:
        'The leaf that was mapped for the writable slot stays, and says that it may be made writable. The fast path asks ' +
        'nobody else.',
      fix: 'Refuse it: the slot has to be deleted, which zaps what it maps, and created anew.',
      parts: {
        makeReadonly(mem, vm) {
          mem.lock(vm.at.slots_lock);
          installMemslots(mem, vm, [ROM]);
          mem.unlock(vm.at.slots_lock);
        },
      },
    },
  },
});
