// The slow path in the order of the seed mail: host page, sequence number, mmu_lock, stale check. Everything else is as
// in slow-page-fault.ts. Racy: an invalidation between the first two is taken for one that came before both.
import { type Shared, setMode } from '@faultline/atomics';
import {
  faultInHostPage,
  gfnToHvn,
  hostPtePfn,
  isInvalidating,
  type Memslot,
  OUTSIDE_GUEST_MODE,
  type PageFault,
  putPage,
  RET_PF_RETRY,
  type RetPf,
  tdpMmuMap,
  type Vm,
} from '@faultline/mmu';

/** A write fault in a memslot that stays. */
export function slowPageFaultMailOrder(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  setMode(mem, fault.mode, OUTSIDE_GUEST_MODE);
  if (isInvalidating(mem, vm, fault.gfn)) return waitForInvalidation(mem, vm);
  const pte = faultInHostPage(mem, vm, gfnToHvn(fault.slot as Memslot, fault.gfn), true);
  const seq = mem.load32(vm.at.mmu_invalidate_seq);
  mem.readLock(vm.at.mmu_lock);
  const stale = isInvalidating(mem, vm, fault.gfn) || mem.load32(vm.at.mmu_invalidate_seq) !== seq;
  const ret = stale ? RET_PF_RETRY : tdpMmuMap(mem, vm, fault, pte);
  mem.readUnlock(vm.at.mmu_lock);
  putPage(mem, vm, hostPtePfn(pte));
  return ret;
}

/** Sleeps where the kernel of 2012 went round. */
function waitForInvalidation(mem: Shared, vm: Vm): RetPf {
  const inProgress = mem.load32(vm.at.mmu_invalidate_in_progress);
  if (inProgress !== 0) mem.wait(vm.at.mmu_invalidate_in_progress, inProgress);
  return RET_PF_RETRY;
}
