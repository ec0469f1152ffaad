// Entering and leaving the guest. KVM: vcpu_enter_guest(), vcpu_run().
import {
  MODE_STATE,
  REQUEST_QUIESCE,
  type Shared,
  setMode,
  takeRequests,
} from '@faultline/atomics';
import { isDirtyRingSoftFull, waitForReset } from '../dirty/dirty-ring.ts';
import type { MmuEvent } from '../event.ts';
import { MMIO_TABLES, NO_ROOT } from '../fault/fault.ts';
import type { Vm } from '../memory-map.ts';
import { forgetMemslots } from '../vm/memslots.ts';
import { validRoot } from '../vm/roots.ts';
import {
  IN_GUEST_MODE,
  KVM_REQ_DIRTY_RING_SOFT_FULL,
  KVM_REQ_MMU_FREE_OBSOLETE_ROOTS,
  KVM_REQ_TLB_FLUSH,
  OUTSIDE_GUEST_MODE,
  REQ_PAUSE,
} from '../vm/vcpu-mode.ts';
import { flushPmlBuffer } from './pml.ts';
import { tlbFlush } from './tlb.ts';
import type { Vcpu } from './vcpu.ts';

/** Enters the guest: afterwards the vCPU may use its TLB. May stay outside for as long as the VM is paused. */
export function enterGuest(mem: Shared, vm: Vm, vcpu: Vcpu): void {
  flushPmlBuffer(mem, vcpu.pml, vcpu.fault.memslots);
  // The mode first, then the requests: who makes a request and sees the old mode relies on our seeing the request.
  while (setMode(mem, vcpu.fault.mode, IN_GUEST_MODE) !== 0) {
    const requests = takeRequests(mem, vcpu.fault.mode);
    vcpu.stat.exits++;
    if ((requests & REQUEST_QUIESCE) !== 0) forgetMemslots(vcpu.fault.memslots);
    if ((requests & KVM_REQ_MMU_FREE_OBSOLETE_ROOTS) !== 0) vcpu.fault.root = NO_ROOT;
    // With the root goes what was translated by it. KVM: kvm_mmu_load(). Litmus: root-keeps-its-translations.
    if ((requests & (KVM_REQ_TLB_FLUSH | KVM_REQ_MMU_FREE_OBSOLETE_ROOTS)) !== 0) flushTlb(vcpu);
    if ((requests & KVM_REQ_DIRTY_RING_SOFT_FULL) !== 0) leaveForReset(mem, vm, vcpu);
    if ((requests & REQ_PAUSE) !== 0) {
      setMode(mem, vcpu.fault.mode, OUTSIDE_GUEST_MODE);
      mem.waitWhile(vm.at.vcpus_paused, 1);
    }
  }
  if (vcpu.fault.root === NO_ROOT) loadRoot(mem, vm, vcpu);
  vcpu.countdown = vm.pollInterval;
}

function flushTlb(vcpu: Vcpu): void {
  tlbFlush(vcpu.tlb);
  vcpu.stat.tlb_flush++;
  vcpu.onFlush?.();
}

/**
 * In the guest already: whoever gives up the root after this has read it sees the mode, and waits until the vCPU has served
 * his request. KVM: kvm_mmu_reload().
 */
function loadRoot(mem: Shared, vm: Vm, { fault }: Vcpu): void {
  fault.root = validRoot(mem, vm);
  fault.mmio.tablesLeft = MMIO_TABLES; // those that it added under another go with that
}

/** Stays outside until its dirty ring has room. KVM: kvm_dirty_ring_check_request(). */
function leaveForReset(mem: Shared, vm: Vm, { id, fault, stat }: Vcpu): void {
  if (!isDirtyRingSoftFull(mem, vm, id)) return; // reset since
  stat.dirty_ring_exits++;
  mem.emit?.({ event: 'kvm_dirty_ring_exit', vcpu_id: id } satisfies MmuEvent);
  setMode(mem, fault.mode, OUTSIDE_GUEST_MODE);
  waitForReset(mem, vm, id);
}

/** Leaves the guest: from here nobody waits for this vCPU. Call it before the thread does anything else for long. */
export function leaveGuest(mem: Shared, vcpu: Vcpu): void {
  flushPmlBuffer(mem, vcpu.pml, vcpu.fault.memslots);
  setMode(mem, vcpu.fault.mode, OUTSIDE_GUEST_MODE);
  vcpu.countdown = 0; // the next access enters the guest again, as a vCPU's first does
}

/**
 * Looks for requests. A guest that computes for long without touching memory calls it now and then; accesses call it by
 * themselves every `pollInterval` times.
 */
export function poll(mem: Shared, vm: Vm, vcpu: Vcpu): void {
  vcpu.countdown = vm.pollInterval;
  const { mode } = vcpu.fault;
  const inGuest = (mode.word & MODE_STATE) === IN_GUEST_MODE;
  if (!inGuest || mem.load32(mode.requests) !== 0) enterGuest(mem, vm, vcpu);
}
