// The slow path: ask the host, then map under mmu_lock unless the answer has grown stale. KVM: kvm_tdp_mmu_page_fault().
//
// The order is the proof: sequence number, host page, mmu_lock, stale check. With the host page read first, an
// invalidation between the two would be taken for one that came before both. Litmus: slow-path-mail-order.
//
// Where the guest has no memory nobody is asked, and what is left under mmu_lock is an MMIO spte.
import { type Shared, setMode } from '@faultline/atomics';
import { faultInHostPage, HOST_FAULT } from '../host/fault-in.ts';
import { HOST_PTE_WRITABLE, hostPtePfn } from '../host/host-pte.ts';
import { isInvalidating } from '../host/mmu-notifier.ts';
import { putPage } from '../host/page-frames.ts';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import {
  forgetMemslots,
  gfnToHvn,
  isReadonly,
  isSameMemslots,
  isUpdateInProgress,
  KVM_MEMSLOT_INVALID,
} from '../vm/memslots.ts';
import { validRoot } from '../vm/roots.ts';
import { OUTSIDE_GUEST_MODE, READING_SHADOW_PAGE_TABLES } from '../vm/vcpu-mode.ts';
import { freeTables } from '../vm/zap.ts';
import { directMap, directMarkMmio } from './direct-map.ts';
import { isWriteFault } from './error-code.ts';
import type { PageFault } from './fault.ts';
import { cacheMmioInfo } from './mmio.ts';
import { RET_PF_EFAULT, RET_PF_EMULATE, RET_PF_RETRY, type RetPf } from './ret-pf.ts';
import { tdpMmuMap, tdpMmuMarkMmio } from './tdp-map.ts';

/** The caller enters the guest again: flushers wait for that, or for it to be outside. Never answers INVALID. */
export function slowPageFault(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const { slot, gfn, mode } = fault;
  if (slot === undefined) return handleNoslotFault(mem, vm, fault);
  const invalid = (slot.flags & KVM_MEMSLOT_INVALID) !== 0;
  // Still in the guest, as when the slots were searched: whoever replaces them waits until this is answered. Nothing is
  // kept of it, as of a gfn without memory: a read here is no business of the VMM's. KVM: KVM_PFN_ERR_RO_FAULT.
  if (!invalid && isReadonly(slot) && isWriteFault(fault.error_code)) return RET_PF_EMULATE;
  // Outside before it blocks on anything: whoever holds the lock may be waiting to see us there.
  setMode(mem, mode, OUTSIDE_GUEST_MODE);
  if (invalid) return waitForMemslots(mem, vm, fault);
  const seq = mem.load32(vm.at.mmu_invalidate_seq);
  if (isInvalidating(mem, vm, gfn)) return waitForInvalidation(mem, vm);
  const pte = faultInHostPage(mem, vm, gfnToHvn(slot, gfn), isWriteFault(fault.error_code));
  if (pte === HOST_FAULT) return RET_PF_EFAULT; // KVM: kvm_handle_error_pfn()
  lockForFault(mem, vm, fault);
  try {
    if (isPageFaultStale(mem, vm, fault, seq)) return RET_PF_RETRY;
    // Also where the host would let it be written: the fast path goes by the spte alone.
    const host = isReadonly(slot) ? pte & ~HOST_PTE_WRITABLE : pte;
    return vm.tdpMmuEnabled ? tdpMmuMap(mem, vm, fault, host) : directMap(mem, vm, fault, host);
  } finally {
    // Also when no frame is left for a table: one vCPU's misfortune must not lock up the others.
    unlockForFault(mem, vm, fault);
    putPage(mem, vm, hostPtePfn(pte));
    if (fault.removed.length > 0) freeTables(mem, fault.removed.splice(0));
  }
}

/** Nobody withdraws what is not there: no sequence number. KVM: kvm_handle_noslot_fault(), kvm_tdp_mmu_page_fault(). */
function handleNoslotFault(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  // Still in the guest, as when the slots were searched: whoever replaces them waits with the next generation.
  const generation = mem.load32(vm.at.memslots);
  cacheMmioInfo(fault, fault.gfn, generation);
  if (!vm.mmioCaching || fault.gfn >= vm.gfnLimit) return RET_PF_EMULATE;
  // What would be left now is stale at once; left behind the zapper of a round's last generation, it would count again at the
  // end of the next round. KVM leaves it.
  if (isUpdateInProgress(generation)) return RET_PF_EMULATE;
  setMode(mem, fault.mode, OUTSIDE_GUEST_MODE);
  lockForFault(mem, vm, fault);
  try {
    if (isOfThePast(mem, vm, fault)) return RET_PF_RETRY;
    return vm.tdpMmuEnabled ? tdpMmuMarkMmio(mem, vm, fault) : directMarkMmio(mem, vm, fault);
  } finally {
    unlockForFault(mem, vm, fault);
  }
}

/** May what was learned before the lock be relied on under it? mmu_lock held. KVM: is_page_fault_stale(). */
function isPageFaultStale(mem: Shared, vm: Vm, fault: PageFault, seq: number): boolean {
  if (isOfThePast(mem, vm, fault)) return true;
  return isInvalidating(mem, vm, fault.gfn) || mem.load32(vm.at.mmu_invalidate_seq) !== seq;
}

/**
 * With a root that was given up since, what is mapped may never be zapped again: whoever zaps that root has been there, or
 * has freed it. Litmus: root-fault-maps-behind-the-zapper.
 */
const isOfThePast = (mem: Shared, vm: Vm, fault: PageFault): boolean =>
  haveMemslotsChanged(mem, vm, fault) || validRoot(mem, vm) !== fault.root;

function haveMemslotsChanged(mem: Shared, vm: Vm, { memslots }: PageFault): boolean {
  if (isSameMemslots(mem.load32(vm.at.memslots), memslots.generation)) return false;
  forgetMemslots(memslots); // the next try reads them anew, served request or not
  return true;
}

/** KVM enters the guest again and faults until the invalidation has ended; here it sleeps once, and then does. */
function waitForInvalidation(mem: Shared, vm: Vm): RetPf {
  const inProgress = mem.load32(vm.at.mmu_invalidate_in_progress);
  if (inProgress !== 0) mem.wait(vm.at.mmu_invalidate_in_progress, inProgress);
  return RET_PF_RETRY;
}

/** The slot is on its way out: nothing to do until the slots have changed. */
function waitForMemslots(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  mem.waitWhile(vm.at.memslots, fault.memslots.generation);
  forgetMemslots(fault.memslots);
  return RET_PF_RETRY;
}

function lockForFault(mem: Shared, vm: Vm, { mode }: PageFault): void {
  if (vm.faultLock === 'shared') mem.readLock(vm.at.mmu_lock);
  else mem.writeLock(vm.at.mmu_lock);
  // Before the memslots are looked at again: who replaces them and sees us outside need not wait for this fault.
  setMode(mem, mode, READING_SHADOW_PAGE_TABLES);
  mem.enterRead();
}

function unlockForFault(mem: Shared, vm: Vm, { mode, removed }: PageFault): void {
  mem.exitRead();
  if (removed.length > 0) {
    // A table was replaced, which has to be flushed under the lock. Outside first: two faults that wait for each other to be
    // seen so would never end. What this fault has decided is in the page table by now. Litmus: large-leaf-over-table.
    setMode(mem, mode, OUTSIDE_GUEST_MODE);
    flushRemoteTlbs(mem, vm);
  }
  if (vm.faultLock === 'shared') mem.readUnlock(vm.at.mmu_lock);
  else mem.writeUnlock(vm.at.mmu_lock);
}
