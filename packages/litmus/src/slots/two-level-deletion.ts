// Result: Never.
//
// A VMM deletes a memslot and its page tables while vCPUs are in them: one on the fast path, one on the slow.
// Source: KVM: kvm_delete_memslot(), handle_removed_pt().
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  createMemslot,
  fastPageFault,
  type Geometry,
  invalidateRangeEnd,
  invalidateRangeStart,
  type Vm,
} from '@faultline/mmu';
import { guestWriteBy, type Paths } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import {
  contentOf,
  everySpte,
  everySpteIsLegal,
  noLeafGrantsMoreThanTheHost,
} from '../properties.ts';
import { withOneSlot } from '../seam/one-slot.ts';
import { race, type VcpuBody } from '../setting.ts';
import { gfn0, harvestAll, hvn0, touch } from '../small-vm.ts';
import { deleteInSteps, ONE_PAGE } from './delete-in-steps.ts';

const countPresent = (mem: Shared, vm: Vm): number => {
  let present = 0;
  everySpte(mem, vm, () => present++);
  return present;
};

interface Meeting {
  readonly geometry: Geometry;
  /** Is the page mapped, and protected for the log, when the race begins? */
  readonly mapped: boolean;
  readonly vcpu: VcpuBody;
  /** Puts the slot there again. */
  readonly again?: true;
}

const program = (name: string, { geometry, mapped, vcpu, again }: Meeting): Program =>
  race({
    name,
    vm: { geometry, hostPages: 1, pageFrames: 1, mmioCaching: false },
    setup(mem, vm) {
      touch(mem, vm, gfn0);
      harvestAll(mem, vm);
      if (mapped) return;
      invalidateRangeStart(mem, vm, hvn0, 1);
      invalidateRangeEnd(mem, vm, hvn0, 1);
    },
    vcpus: [vcpu],
    agents: {
      vmm(own, vm) {
        const mem = withOneSlot(own, vm);
        deleteInSteps(mem, vm);
        const found = contentOf(mem, vm, hvn0);
        if (again) createMemslot(mem, vm, ONE_PAGE);
        return found;
      },
    },
    always: { 'every spte is in a legal state': everySpteIsLegal },
    finally: again
      ? { 'what is mapped is the page': noLeafGrantsMoreThanTheHost }
      : {
          'nothing is mapped, and no table is left': (mem, vm) => countPresent(mem, vm) === 0,
          'the page is as the VMM found it': (mem, vm, { vmm }) => contentOf(mem, vm, hvn0) === vmm,
        },
    sometimes: {
      ...(again && {
        'the page is mapped anew': (mem, vm) =>
          mem.load32(vm.at.memslots) === 8 && countPresent(mem, vm) === vm.geometry.levels,
      }),
      'the store arrives in time': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
      'the tables go while the store is on its way': (mem, vm) =>
        contentOf(mem, vm, hvn0) === 0 && countPresent(mem, vm) === 0,
    },
    oops: 'a guest stores to memory that the VMM has given away',
  });

const TWO: Geometry = { levels: 2, indexBits: 1 };
const THREE: Geometry = { levels: 3, indexBits: 1 };
const FAST: Paths = { fast: fastPageFault };

const MEETINGS: Readonly<Record<string, Meeting & { readonly title: string }>> = {
  'deletion-meets-fast-fault': {
    title: 'A memslot goes with its table while the fast path holds a pointer into it',
    geometry: TWO,
    mapped: true,
    vcpu: guestWriteBy(FAST, gfn0, 1),
  },
  'deletion-meets-fast-fault-three-levels': {
    title: 'A memslot goes with two tables, one below the other, while the fast path walks them',
    geometry: THREE,
    mapped: true,
    vcpu: guestWriteBy(FAST, gfn0, 1),
  },
  'deletion-meets-slow-fault': {
    title: 'A memslot goes with its table while the slow path is about to map in it',
    geometry: TWO,
    mapped: false,
    vcpu: guestWriteBy({}, gfn0, 1),
  },
  'deletion-and-creation-meet-a-fault': {
    title: 'A memslot goes with its table and comes back under a fault',
    geometry: TWO,
    mapped: true,
    again: true,
    vcpu: guestWriteBy(FAST, gfn0, 1),
  },
};

export const TWO_LEVEL_DELETION: readonly Litmus[] = Object.entries(MEETINGS).map(
  ([name, { title, ...meeting }]): Litmus => ({
    name,
    title,
    result: 'Never',
    source: 'KVM: kvm_delete_memslot(), handle_removed_pt()',
    story:
      'The slot is invalid and every vCPU has seen it. Then the page table goes: unlinked, its entries frozen, freed when ' +
      'nobody can hold a pointer to it any more. A fault that is in it loses its exchange, or made its change before.',
    fix: 'Freeze before anybody else may look, wait before the frame is used again.',
    links: [],
    program: () => program(name, meeting),
  }),
);
