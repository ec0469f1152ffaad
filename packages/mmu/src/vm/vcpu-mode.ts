// Where a vCPU is, and what others ask of it. KVM: vcpu->mode and vcpu->requests; the words are the seam's (its
// grace-period.ts has the handshake), because page tables are freed by the same evidence that a TLB was flushed.
import {
  type Mode,
  makeRequest,
  requestsAddress,
  type Shared,
  waitUntilSeen,
} from '@faultline/atomics';
import type { Vm } from '../memory-map.ts';

/** Holds no page-table entry, in its TLB or in its hands, that it will use before it has looked at its requests. */
export const OUTSIDE_GUEST_MODE = 0;
export const IN_GUEST_MODE = 1;
/** Walks page tables with mmu_lock held, outside the guest. */
export const READING_SHADOW_PAGE_TABLES = 3;

export const KVM_REQ_TLB_FLUSH: number = 1 << 1;
/** Leave the guest and stay out until `vcpus_paused` is 0. QEMU: pause_all_vcpus(). */
export const REQ_PAUSE: number = 1 << 2;

/** Leave the guest until the vCPU's dirty ring has been reset. It asks itself. */
export const KVM_REQ_DIRTY_RING_SOFT_FULL: number = 1 << 3;
/** Leave the guest, if only for a moment: what hardware logged meanwhile is handed on. KVM: kvm_vcpu_kick(). */
export const REQ_EXIT: number = 1 << 4;
/** Give up the root: before it uses the page table again, the vCPU loads the valid one. */
export const KVM_REQ_MMU_FREE_OBSOLETE_ROOTS: number = 1 << 5;

/** A vCPU's own side of the handshake. */
export type VcpuMode = Mode;

/** Sets a request on every vCPU and waits until each was seen outside since, so that none acts on what was before. */
export function requestAllVcpus(mem: Shared, vm: Vm, request: number): void {
  // All are asked before any is waited for. A vCPU that asks is outside itself: it serves its own request on entry.
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) makeRequest(mem, vcpu, request);
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) {
    if (vcpu !== mem.thread) waitUntilSeen(mem, vcpu);
  }
}

/** Is there a vCPU that has not served the request since it was made? */
export function isRequestPending(mem: Shared, vm: Vm, request: number): boolean {
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) {
    if ((mem.load32(requestsAddress(vcpu)) & request) !== 0) return true;
  }
  return false;
}
