// What happened, in KVM's own words: one union, named and shaped as KVM's tracepoints (facts: arch/x86/kvm/mmu/mmutrace.h,
// arch/x86/kvm/trace.h, include/trace/events/kvm.h). Running code, trace reader and drawings share these values.
import type { Gfn, Gpa, Hva, Pfn, Sptep } from './address.ts';

/** A 64-bit page-table entry as two int32 halves; `low` holds bits 0-31. */
export interface Spte {
  readonly low: number;
  readonly high: number;
}

/** A guest access exited to the host. `error_code` as in fault/error-code.ts; bits 32 and 33 say which walk failed. */
export interface KvmPageFault {
  readonly event: 'kvm_page_fault';
  readonly vcpu_id: number;
  /** 0 where nothing is known of the guest's code. */
  readonly rip: number;
  readonly fault_address: Gpa;
  readonly error_code: number;
}

/** The fast path looked. `new_spte` is read again when the event is made, not the value written. */
export interface FastPageFault {
  readonly event: 'fast_page_fault';
  readonly vcpu_id: number;
  readonly cr2_or_gpa: Gpa;
  readonly error_code: number;
  readonly sptep: Sptep;
  readonly old_spte: Spte;
  readonly new_spte: Spte;
  readonly spurious: boolean;
  readonly fixed: boolean;
}

/** A leaf was installed by the slow path. */
export interface KvmMmuSetSpte {
  readonly event: 'kvm_mmu_set_spte';
  readonly gfn: Gfn;
  readonly spte: Spte;
  readonly level: number;
  readonly sptep: Sptep;
}

/** An entry of the TDP MMU changed, by anybody but the fast path. */
export interface KvmTdpMmuSpteChanged {
  readonly event: 'kvm_tdp_mmu_spte_changed';
  readonly as_id: number;
  readonly gfn: Gfn;
  readonly level: number;
  readonly old_spte: Spte;
  readonly new_spte: Spte;
}

/** The slow path is about to map. */
export interface KvmMmuSpteRequested {
  readonly event: 'kvm_mmu_spte_requested';
  readonly gfn: Gfn;
  readonly pfn: Pfn;
  readonly level: number;
}

/** The slow path found no memory and left an MMIO spte that says so. */
export interface MarkMmioSpte {
  readonly event: 'mark_mmio_spte';
  readonly sptep: Sptep;
  readonly gfn: Gfn;
  readonly access: number;
  readonly gen: number;
}

/** A fault met an MMIO spte and was answered by it. `addr` is 0 where the guest's own address is not known. */
export interface HandleMmioPageFault {
  readonly event: 'handle_mmio_page_fault';
  readonly addr: Gpa;
  readonly gfn: Gfn;
  readonly access: number;
}

/** Whether an MMIO spte still counts. The kernel prints `spte_gen` as spte-gen. */
export interface CheckMmioSpte {
  readonly event: 'check_mmio_spte';
  readonly spte: Spte;
  readonly kvm_gen: number;
  readonly spte_gen: number;
  readonly valid: boolean;
}

/** A large leaf became a table of small ones. `errno` is 0, or -12 when no frame was left. */
export interface KvmMmuSplitHugePage {
  readonly event: 'kvm_mmu_split_huge_page';
  readonly gfn: Gfn;
  readonly spte: Spte;
  readonly level: number;
  readonly errno: number;
}

/** All of the page table is about to be zapped, by giving up its root. `mmu_used_pages` counts the tables of the legacy MMU. */
export interface KvmMmuZapAllFast {
  readonly event: 'kvm_mmu_zap_all_fast';
  readonly mmu_valid_gen: number;
  readonly mmu_used_pages: number;
}

/** The host withdrew a range of its memory (mmu notifier). `end` is exclusive. */
export interface KvmUnmapHvaRange {
  readonly event: 'kvm_unmap_hva_range';
  readonly start: Hva;
  readonly end: Hva;
}

/** The host asked whether pages were used, and forgot it (mmu notifier). `end` is exclusive. */
export interface KvmAgeHva {
  readonly event: 'kvm_age_hva';
  readonly start: Hva;
  readonly end: Hva;
}

/** The host asked whether a page was used. */
export interface KvmTestAgeHva {
  readonly event: 'kvm_test_age_hva';
  readonly hva: Hva;
}

/** Two host pages with the same content became one. `error` is 0 on success. */
export interface KsmMerge {
  readonly event: 'ksm_merge_one_page' | 'ksm_merge_with_ksm_page';
  readonly pfn: Pfn;
  readonly error: number;
}

/** A harvest of the dirty log. KVM has no tracepoint for it; the VMM knows. */
export interface GetDirtyLog {
  readonly event: 'get_dirty_log';
  readonly slot: number;
  readonly dirty: number;
}

/** A client cleared pages of the dirty log; KVM has no tracepoint for it either. */
export interface ClearDirtyLog {
  readonly event: 'clear_dirty_log';
  readonly slot: number;
  readonly first_page: number;
  readonly num_pages: number;
  readonly cleared: number;
}

/** A vCPU noted a page in its dirty ring. The kernel prints the difference of the indices as "used". */
export interface KvmDirtyRingPush {
  readonly event: 'kvm_dirty_ring_push';
  readonly index: number;
  readonly dirty_index: number;
  readonly reset_index: number;
  readonly slot: number;
  readonly offset: number;
}

/** The harvested entries of a ring were given back. */
export interface KvmDirtyRingReset {
  readonly event: 'kvm_dirty_ring_reset';
  readonly index: number;
  readonly dirty_index: number;
  readonly reset_index: number;
}

/** A vCPU left the guest because its ring is as good as full. */
export interface KvmDirtyRingExit {
  readonly event: 'kvm_dirty_ring_exit';
  readonly vcpu_id: number;
}

export type MmuEvent =
  | KvmPageFault
  | FastPageFault
  | KvmMmuSetSpte
  | KvmTdpMmuSpteChanged
  | KvmMmuSpteRequested
  | MarkMmioSpte
  | HandleMmioPageFault
  | CheckMmioSpte
  | KvmMmuSplitHugePage
  | KvmMmuZapAllFast
  | KvmUnmapHvaRange
  | KvmAgeHva
  | KvmTestAgeHva
  | KsmMerge
  | GetDirtyLog
  | ClearDirtyLog
  | KvmDirtyRingPush
  | KvmDirtyRingReset
  | KvmDirtyRingExit;
