// What happens to one vCPU: in and out of the guest, emulation, MMIO, nested guests, interrupts, its clock.
// KVM: arch/x86/kvm/trace.h, include/trace/events/kvm.h.
import type { Gfn, Gpa, Gva } from '@faultline/mmu';
import type { Halves } from './halves.ts';

/** A vCPU goes into the guest. */
export interface KvmEntry {
  readonly event: 'kvm_entry';
  readonly vcpu_id: number;
  readonly rip: number;
}

export interface Exit {
  /** -1 where neither the text says it (trace-cmd, perf) nor an earlier entry of the same thread. */
  readonly vcpu_id: number;
  /** As printed: `npf`, `EPT_VIOLATION`, `PF excp`. */
  readonly reason: string;
  readonly rip: number;
  readonly info1: Halves;
  readonly info2: Halves;
  readonly intr_info: number;
  readonly error_code: number;
}

/** A vCPU came out of the guest. What `info1` and `info2` hold depends on `reason`; any of their 64 bits may be set. */
export interface KvmExit extends Exit {
  readonly event: 'kvm_exit';
}

/** The same for a guest's guest: KVM looks whether its guest wants the exit. */
export interface KvmNestedVmexit extends Exit {
  readonly event: 'kvm_nested_vmexit';
}

/** The guest gets the exit of its guest. */
export interface KvmNestedVmexitInject {
  readonly event: 'kvm_nested_vmexit_inject';
  readonly reason: string;
  readonly info1: Halves;
  readonly info2: Halves;
  readonly intr_info: number;
  readonly error_code: number;
}

/** The guest enters its guest. */
export interface KvmNestedVmenter {
  readonly event: 'kvm_nested_vmenter';
  readonly rip: number;
  /** Where the guest's VMCB or VMCS lies. */
  readonly vmcb: Gpa;
  readonly nested_rip: number;
  readonly int_ctl: number;
  readonly event_inj: number;
  readonly tdp_enabled: boolean;
  /** Root of the nested tables, or the nested guest's CR3 without `tdp_enabled`. */
  readonly guest_pgd: number;
}

/** It could not. */
export interface KvmNestedVmenterFailed {
  readonly event: 'kvm_nested_vmenter_failed';
  readonly msg: string;
}

export interface KvmNestedIntercepts {
  readonly event: 'kvm_nested_intercepts';
  readonly cr_read: number;
  readonly cr_write: number;
  readonly exceptions: number;
  readonly intercepts: readonly [number, number, number];
}

/** KVM_RUN returns to the VMM. */
export interface KvmUserspaceExit {
  readonly event: 'kvm_userspace_exit';
  /** As printed: `KVM_EXIT_MMIO`, or `restart` or `error`, of which `code` is the errno. */
  readonly reason: string;
  readonly code: number;
}

/** KVM carries out an instruction of the guest. */
export interface KvmEmulateInsn {
  readonly event: 'kvm_emulate_insn';
  readonly csbase: number;
  readonly rip: number;
  /** Its bytes, as `89 55 00`: up to 15, as many as were fetched. */
  readonly insn: string;
  /** The mode it is decoded in: `real`, `vm16`, `prot16`, `prot32`, `prot64`. */
  readonly flags: string;
  readonly failed: boolean;
}

/** One access to a device's memory. `val` is 0 in an `unsatisfied-read`, which the VMM has yet to answer. */
export interface KvmMmio {
  readonly event: 'kvm_mmio';
  readonly type: 'read' | 'write' | 'unsatisfied-read';
  readonly len: number;
  readonly gpa: Gpa;
  readonly val: Halves;
}

/** The emulator found the access in the vCPU's MMIO cache and walked nothing. */
export interface VcpuMatchMmio {
  readonly event: 'vcpu_match_mmio';
  readonly gva: Gva;
  readonly gpa: Gpa;
  readonly write: boolean;
  /** By the gpa, else by the gva. */
  readonly gpa_match: boolean;
}

/** A write that an ioeventfd took, on Intel, without emulation. */
export interface KvmFastMmio {
  readonly event: 'kvm_fast_mmio';
  readonly gpa: Gpa;
}

/** Hardware's log of dirty pages is full (Intel PML). */
export interface KvmPmlFull {
  readonly event: 'kvm_pml_full';
  readonly vcpu_id: number;
}

/** The guest gets an exception. */
export interface KvmInjException {
  readonly event: 'kvm_inj_exception';
  /** As printed: `#PF`. */
  readonly exception: string;
  readonly error_code: number | undefined;
  readonly reinjected: boolean;
}

export interface KvmHypercall {
  readonly event: 'kvm_hypercall';
  readonly nr: number;
  readonly args: readonly [Halves, Halves, Halves, Halves];
}

export interface KvmAckIrq {
  readonly event: 'kvm_ack_irq';
  readonly irqchip: string;
  readonly pin: number;
}

export interface KvmSetIrq {
  readonly event: 'kvm_set_irq';
  readonly gsi: number;
  readonly level: number;
  readonly irq_source_id: number;
}

/** A halted vCPU goes on after `ns`. */
export interface KvmVcpuWakeup {
  readonly event: 'kvm_vcpu_wakeup';
  readonly ns: number;
  /** It slept, and did not only poll. */
  readonly waited: boolean;
  readonly valid: boolean;
}

/** A fault waits for a page that the host must bring, and the vCPU may go on meanwhile. */
export interface KvmTryAsyncGetPage {
  readonly event: 'kvm_try_async_get_page';
  readonly gva: Gva;
  readonly gfn: Gfn;
}

export interface KvmTrackTsc {
  readonly event: 'kvm_track_tsc';
  readonly vcpu_id: number;
  readonly use_master_clock: number;
  readonly nr_vcpus_matched_tsc: number;
  readonly online_vcpus: number;
  readonly host_clock: string;
}

export interface KvmUpdateMasterClock {
  readonly event: 'kvm_update_master_clock';
  readonly use_master_clock: number;
  readonly host_clock: string;
  readonly offset_matched: number;
}

/** Offsets as they are printed, which is more than a double holds. */
export interface KvmWriteTscOffset {
  readonly event: 'kvm_write_tsc_offset';
  readonly vcpu_id: number;
  readonly previous_tsc_offset: string;
  readonly next_tsc_offset: string;
}

export interface KvmApicvInhibitChanged {
  readonly event: 'kvm_apicv_inhibit_changed';
  readonly set: boolean;
  readonly reason: number;
  readonly inhibits: number;
}

export type VcpuTraceEvent =
  | KvmEntry
  | KvmExit
  | KvmNestedVmexit
  | KvmNestedVmexitInject
  | KvmNestedVmenter
  | KvmNestedVmenterFailed
  | KvmNestedIntercepts
  | KvmUserspaceExit
  | KvmEmulateInsn
  | KvmMmio
  | VcpuMatchMmio
  | KvmFastMmio
  | KvmPmlFull
  | KvmInjException
  | KvmHypercall
  | KvmAckIrq
  | KvmSetIrq
  | KvmVcpuWakeup
  | KvmTryAsyncGetPage
  | KvmTrackTsc
  | KvmUpdateMasterClock
  | KvmWriteTscOffset
  | KvmApicvInhibitChanged;
