// Result: Sometimes; with the generation compared under mmu_lock: Never.
//
// A fault has its host page in hand when its memslot is deleted; the zapper has been there before it maps.
// Source: KVM commit a955cad84cda (December 2021).
import type { Shared } from '@faultline/atomics';
import {
  enterGuest,
  gfnToGpa,
  gfnToMemslot,
  installMemslots,
  invalidateRangeEnd,
  invalidateRangeStart,
  isWritable,
  KVM_MEMSLOT_INVALID,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  type Vcpu,
  type Vm,
  zapRange,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsPresent } from '../properties.ts';
import { withOneSlot } from '../seam/one-slot.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, hvn0, leafAt, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';
import { SHIPPED, type Steps, slowPageFaultBy } from './slow-path.ts';

const PAGE = 0;

/** As deleteMemslot() of the only slot, with what it remembers between its steps said aloud. */
function deleteSlot(own: Shared, vm: Vm): void {
  const mem = withOneSlot(own, vm);
  const slot = { id: 0, baseGfn: gfn0, npages: 1, hvn: hvn0, flags: KVM_MEMSLOT_INVALID };
  mem.lock(vm.at.slots_lock);
  installMemslots(mem, vm, [slot]);
  mem.again(1);
  zapRange(mem, vm, gfn0, gfn1);
  mem.again(2);
  installMemslots(mem, vm, []);
  mem.unlock(vm.at.slots_lock);
}

/** A vCPU's first try of a store to gfn 0, unless the slot is gone or going: then there is nothing to try. */
function tryToMap(mem: Shared, vm: Vm, { fault }: Vcpu, steps: Steps): void {
  const slot = gfnToMemslot(mem, vm, fault.memslots, gfn0);
  if (slot === undefined || (slot.flags & KVM_MEMSLOT_INVALID) !== 0) return;
  const error_code = PFERR_WRITE_MASK | PFERR_USER_MASK;
  Object.assign(fault, { gfn: gfn0, addr: gfnToGpa(gfn0), error_code, slot });
  slowPageFaultBy(steps)(mem, vm, fault);
}

/** What hardware does, in the guest. */
function storeIfMapped(mem: Shared, vm: Vm): void {
  if (isWritable(mem.load64(leafAt(vm, gfn0)))) mem.guestStore(PAGE, 1);
}

export const NO_GENERATION_CHECK: readonly Litmus[] = brokenAndRepaired<Steps>({
  name: 'b10-no-generation-check',
  title: 'A memslot is deleted while a fault in it is on its way to the lock',
  violates: 'nothing of a deleted slot is mapped',
  source: 'KVM commit a955cad84cda (December 2021)',
  story:
    'The fault has its host page and waits for mmu_lock. The slot is marked invalid, its range is zapped, the slot is gone. ' +
    'Then the fault maps the page. KVM installed it under a root that was invalid already, where no zapper came again.',
  fix: 'Under mmu_lock ask whether the slots (in KVM: the root) are still those that the fault began with.',
  links: ['https://git.kernel.org/linus/a955cad84cda'],
  broken: { ...SHIPPED, slotsAreTheSame: () => true },
  repaired: SHIPPED,
  make: (name, steps) =>
    race({
      name,
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        invalidateRangeStart(mem, vm, hvn0, 1);
        invalidateRangeEnd(mem, vm, hvn0, 1);
      },
      vcpus: [
        (mem, vm, vcpu) => {
          tryToMap(mem, vm, vcpu, steps);
          enterGuest(mem, vm, vcpu);
          mem.again(vcpu.fault.mode.word);
          storeIfMapped(mem, vm);
        },
      ],
      agents: {
        vmm(mem, vm) {
          deleteSlot(mem, vm);
          mem.again(3);
          return mem.guestLoad(PAGE);
        },
      },
      finally: {
        'nothing of a deleted slot is mapped': (mem, vm, { vmm }) =>
          !leafIsPresent(mem, vm, gfn0) && mem.guestLoad(PAGE) === vmm,
      },
      sometimes: {
        'the page is mapped before the slot is gone': (mem, vm) =>
          leafIsPresent(mem, vm, gfn0) && mem.load32(vm.at.memslots) === 2,
      },
      oops: 'the VMM gives memory away that a guest still stores to',
    }),
});
