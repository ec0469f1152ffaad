// The slow path of a write fault, with those of its steps replaceable that KVM once had wrong. Otherwise as in
// slow-page-fault.ts.
import { type Shared, setMode } from '@faultline/atomics';
import {
  faultInHostPage,
  gfnToHvn,
  hostPtePfn,
  isInvalidating,
  isSameMemslots,
  type Memslot,
  OUTSIDE_GUEST_MODE,
  type PageFault,
  putPage,
  READING_SHADOW_PAGE_TABLES,
  RET_PF_RETRY,
  type RetPf,
  tdpMmuMap,
  type Vm,
  validRoot,
} from '@faultline/mmu';

export interface Steps {
  /** The sequence number that the stale check goes by; `first` was read before the host was asked. */
  readonly seqAfterHostPage: (mem: Shared, vm: Vm, first: number) => number;
  /** Under mmu_lock, both. */
  readonly rootIsValid: (mem: Shared, vm: Vm, fault: PageFault) => boolean;
  readonly slotsAreTheSame: (mem: Shared, vm: Vm, fault: PageFault) => boolean;
}

export const SHIPPED: Steps = {
  seqAfterHostPage: (_mem, _vm, first) => first,
  rootIsValid: (mem, vm, { root }) => validRoot(mem, vm) === root,
  slotsAreTheSame: (mem, vm, fault) =>
    isSameMemslots(mem.load32(vm.at.memslots), fault.memslots.generation),
};

export const slowPageFaultBy =
  ({ seqAfterHostPage, rootIsValid, slotsAreTheSame }: Steps) =>
  (mem: Shared, vm: Vm, fault: PageFault): RetPf => {
    const { mode, gfn } = fault;
    setMode(mem, mode, OUTSIDE_GUEST_MODE);
    const first = mem.load32(vm.at.mmu_invalidate_seq);
    if (isInvalidating(mem, vm, gfn)) {
      const inProgress = mem.load32(vm.at.mmu_invalidate_in_progress);
      if (inProgress !== 0) mem.wait(vm.at.mmu_invalidate_in_progress, inProgress);
      return RET_PF_RETRY;
    }
    const pte = faultInHostPage(mem, vm, gfnToHvn(fault.slot as Memslot, gfn), true);
    const seq = seqAfterHostPage(mem, vm, first);
    mem.readLock(vm.at.mmu_lock);
    setMode(mem, mode, READING_SHADOW_PAGE_TABLES);
    const stale =
      !slotsAreTheSame(mem, vm, fault) ||
      !rootIsValid(mem, vm, fault) ||
      isInvalidating(mem, vm, gfn) ||
      mem.load32(vm.at.mmu_invalidate_seq) !== seq;
    const ret = stale ? RET_PF_RETRY : tdpMmuMap(mem, vm, fault, pte);
    mem.readUnlock(vm.at.mmu_lock);
    putPage(mem, vm, hostPtePfn(pte));
    return ret;
  };
