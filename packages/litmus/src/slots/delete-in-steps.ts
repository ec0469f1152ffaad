// deleteMemslot() of the only slot, with what it remembers between its steps said aloud: nothing. So that searches of whole
// deletions stay small; slot-deletion and slot-move go by the shipped functions themselves.
import type { Shared } from '@faultline/atomics';
import {
  type Gfn,
  installMemslots,
  KVM_MEMSLOT_INVALID,
  type Memslot,
  type Vm,
  zapRange,
} from '@faultline/mmu';
import { gfn0, hvn0 } from '../small-vm.ts';

/** Gfn 0 at host page 0, unlogged. */
export const ONE_PAGE: Memslot = { id: 0, baseGfn: gfn0, npages: 1, hvn: hvn0, flags: 0 };

export function deleteInSteps(mem: Shared, vm: Vm): void {
  mem.lock(vm.at.slots_lock);
  installMemslots(mem, vm, [{ ...ONE_PAGE, flags: KVM_MEMSLOT_INVALID }]);
  mem.again(1);
  zapRange(mem, vm, gfn0, vm.gfnLimit as Gfn);
  mem.again(2);
  installMemslots(mem, vm, []);
  mem.unlock(vm.at.slots_lock);
  mem.again(3);
}
