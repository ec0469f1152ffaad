// Somebody needs that no CPU can write a page any more: it has become a guest page table. Beside the dirty log the second
// who takes W away, and the one who also takes MMU_WRITABLE. KVM: kvm_mmu_slot_gfn_write_protect().
import type { Shared } from '@faultline/atomics';
import {
  type clearSpteBits,
  type Gfn,
  PT_WRITABLE_MASK,
  SPTE_MMU_WRITABLE,
  type Vm,
} from '@faultline/mmu';
import type { AgentBody, VmEnd } from '../setting.ts';
import { leafAt } from '../small-vm.ts';

const PAGE = 0;

export const BOTH_BITS: number = PT_WRITABLE_MASK | SPTE_MMU_WRITABLE;

/** As the functions that change an spte want it. */
export const leafEntry = (vm: Vm, gfn: Gfn): Parameters<typeof clearSpteBits>[1] => ({
  sptep: leafAt(vm, gfn),
  gfn,
  level: 1,
});

/** Protects gfn 0 with mmu_lock held for writing, then reads what the page holds. */
export const trackWrites =
  (protect: (mem: Shared, vm: Vm) => void): AgentBody =>
  (mem, vm) => {
    mem.writeLock(vm.at.mmu_lock);
    protect(mem, vm);
    mem.writeUnlock(vm.at.mmu_lock);
    return mem.guestLoad(PAGE);
  };

/** Of an agent called tracker. */
export const trackedPageStandsStill: VmEnd = (mem, _vm, { tracker }) =>
  mem.guestLoad(PAGE) === tracker;
