// One fault of one vCPU: what is known of it from its exit to its next entry into the guest.
import type { Gfn, Spte } from '@faultline/mmu';
import type { FaultKind } from './fault-kind.ts';

/** What the vCPU's thread was seen doing between its exit and its next entry. */
export const Seen = {
  Fixed: 0x1, //      fast_page_fault, fixed
  Spurious: 0x2, //   fast_page_fault, spurious
  Mapped: 0x4, //     kvm_mmu_spte_requested, kvm_mmu_set_spte, or a leaf changed to present
  MappedHuge: 0x2000, // of these, a leaf above 4K
  Copied: 0x8, //     a leaf changed to another page's
  MarkMmio: 0x10, //   mark_mmio_spte
  MmioSpte: 0x20, //   check_mmio_spte valid, handle_mmio_page_fault
  StaleMmio: 0x40, //  check_mmio_spte not valid
  Emulated: 0x80, //   kvm_emulate_insn
  Mmio: 0x100, //       kvm_mmio
  Eventfd: 0x200, //    kvm_fast_mmio
  Injected: 0x400, //  kvm_inj_exception, kvm_nested_vmexit_inject
  AsyncPage: 0x800, // kvm_try_async_get_page
  Userspace: 0x1000, // kvm_userspace_exit
} as const;

/** What a fast path that declined (RET_PF_INVALID) had found. */
export type Look =
  | 'gone' //           not MMU-present: zapped since hardware looked
  | 'huge' //           a huge leaf of a logged slot
  | 'host_read_only' // the host's page or the memslot is read-only
  | 'access_tracked' // no rights, on hardware without A/D bits
  | 'write_tracked' //  host-writable, not MMU-writable
  | 'other';

/** A vCPU's thread. */
export interface VcpuThread {
  /** -1 until an event says it. */
  readonly vcpuId: number;
  readonly pid: number;
  readonly task: string;
}

/** Times are the trace's. The tracker uses one object again and again: whoever wants to keep it copies it. */
export interface Fault {
  readonly vcpu: VcpuThread;
  readonly kind: FaultKind;
  /** Of kvm_exit, or of the fault's first event where there is none. */
  readonly began: number;
  /** NaN where the trace has no kvm_exit of it. */
  readonly exitedAt: number;
  /** Of the next kvm_entry; NaN where the trace has none. */
  readonly ended: number;
  /** -1 where no event says it. */
  readonly gfn: Gfn | -1;
  /** By hardware: every level was present. */
  readonly isPresent: boolean;
  readonly isWrite: boolean;
  /** When the fast path's event came; NaN where there is none. */
  readonly lookedAt: number;
  /** What the fast path found. */
  readonly oldSpte: Spte;
  /** What was there when its event was made. */
  readonly newSpte: Spte;
  /** Bits of `Seen`. */
  readonly seen: number;
  readonly look: Look | undefined;
  /** The vCPU's last entry before the fault: hardware looked after it. NaN where the trace has none. */
  readonly enteredAt: number;
}
