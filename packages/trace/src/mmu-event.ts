// What the MMU's tracepoints say beyond those that the running MMU emits too (packages/mmu event.ts): shadow pages, walks of
// a guest's own tables, and the notifiers of older kernels.
// KVM: arch/x86/kvm/mmu/mmutrace.h, mmu/paging_tmpl.h, include/trace/events/kvm.h.
import type { Gfn, Gpa, Gva, Hva } from '@faultline/mmu';
import type { Halves } from './halves.ts';

/** What a shadow page shadows. KVM: union kvm_mmu_page_role, as far as it is printed. */
export interface ShadowPageRole {
  readonly level: number;
  /** Size of the guest entries that it shadows: 4 or 8 bytes. */
  readonly gpte_bytes: number;
  /** Which part of a 4-byte guest table, which has twice the entries. */
  readonly quadrant: number;
  /** Maps guest-physical addresses, and shadows no table. */
  readonly direct: boolean;
  /** Rights of the whole page: 1 execute, 2 write, 4 user. */
  readonly access: number;
  readonly invalid: boolean;
  readonly efer_nx: boolean;
  readonly ad_disabled: boolean;
}

export interface ShadowPage {
  readonly mmu_valid_gen: number;
  readonly gfn: Gfn;
  readonly role: ShadowPageRole;
  readonly root_count: number;
  /** The guest may write its table; the shadow follows at the next flush. */
  readonly unsync: boolean;
}

/** A page of the legacy or shadow MMU was found (`created` false) or made. Roots of the TDP MMU are said here too. */
export interface KvmMmuGetPage extends ShadowPage {
  readonly event: 'kvm_mmu_get_page';
  readonly created: boolean;
}

/** A shadow page follows its guest table again, is left behind by it, or goes. */
export interface KvmMmuPage extends ShadowPage {
  readonly event: 'kvm_mmu_sync_page' | 'kvm_mmu_unsync_page' | 'kvm_mmu_prepare_zap_page';
}

/** KVM begins a walk of the guest's own tables for a gva, with the error code of the access. */
export interface KvmMmuPagetableWalk {
  readonly event: 'kvm_mmu_pagetable_walk';
  readonly addr: Gva;
  readonly pferr: number;
}

/** The walk met a guest entry. */
export interface KvmMmuPagingElement {
  readonly event: 'kvm_mmu_paging_element';
  readonly pte: Halves;
  readonly level: number;
}

/** The walk ends with a fault of the guest's. */
export interface KvmMmuWalkerError {
  readonly event: 'kvm_mmu_walker_error';
  readonly pferr: number;
}

/** The walk set A or D in the guest entry at `gpa`. */
export interface KvmMmuSetBit {
  readonly event: 'kvm_mmu_set_accessed_bit' | 'kvm_mmu_set_dirty_bit';
  readonly gpa: Gpa;
}

/** The host's page at `hva` is to be another one (mmu notifier change_pte; gone since 6.10). */
export interface KvmSetSpteHva {
  readonly event: 'kvm_set_spte_hva';
  readonly hva: Hva;
}

export type MmuTraceEvent =
  | KvmMmuGetPage
  | KvmMmuPage
  | KvmMmuPagetableWalk
  | KvmMmuPagingElement
  | KvmMmuWalkerError
  | KvmMmuSetBit
  | KvmSetSpteHva;
