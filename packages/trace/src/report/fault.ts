// One fault of one vCPU: what is known of it from its exit to its next entry into the guest.
import type { Gfn, Spte } from '@faultline/mmu';
import type { FaultKind } from './fault-kind.ts';

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
  /** Of its first and its last event, in the trace's time. */
  readonly firstTime: number;
  readonly lastTime: number;
}

/** Times are the trace's. The tracker uses one object again and again: whoever wants to keep it copies it. */
export interface Fault {
  readonly vcpu: VcpuThread;
  /** Of its last event. */
  readonly cpu: number;
  readonly kind: FaultKind;
  /** Of kvm_exit, or of the fault's first event where there is none. */
  readonly began: number;
  /** NaN where the trace has no kvm_exit of it. */
  readonly exitedAt: number;
  /** Of the next kvm_entry; NaN where the trace has none. */
  readonly ended: number;
  /** -1 where no event says it. */
  readonly gfn: Gfn | -1;
  /** As hardware named it: the gfn, or with shadow paging of the guest's virtual memory. NaN where no event says it. */
  readonly page: number;
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
