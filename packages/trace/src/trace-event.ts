// What a trace says happened: the header that ftrace puts before every event, and the event. Where the running MMU has the
// same event (packages/mmu event.ts) it has the same name and shape here, so whatever reads the one reads the other.
import type {
  CheckMmioSpte,
  FastPageFault,
  HandleMmioPageFault,
  KsmMerge,
  KvmMmuSetSpte,
  KvmMmuSplitHugePage,
  KvmMmuSpteRequested,
  KvmPageFault,
  KvmTdpMmuSpteChanged,
  KvmUnmapHvaRange,
  MarkMmioSpte,
  Pfn,
} from '@faultline/mmu';
import type { Marker } from './marker.ts';

/** Who, where and when. */
export interface TraceHeader {
  /** Line of the file, counted from 1. */
  readonly line: number;
  /** Name of the thread, as `CPU 0/KVM`, `ksmd`, `<...>`. */
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  /** Microseconds of the trace's clock; ticks where the clock counts those (`x86-tsc`): see `TraceSummary.clock`. */
  readonly time: number;
}

/** A 64-bit value as two int32 halves, as an `Spte` is; `low` holds bits 0-31. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}

/** A vCPU goes into the guest. */
export interface KvmEntry {
  readonly event: 'kvm_entry';
  readonly vcpu_id: number;
  readonly rip: number;
}

/** A vCPU came out of the guest. What `info1` and `info2` hold depends on `reason`; any of their 64 bits may be set. */
export interface KvmExit {
  readonly event: 'kvm_exit';
  readonly vcpu_id: number;
  /** As printed: `npf`, `EPT_VIOLATION`, `PF excp`. */
  readonly reason: string;
  readonly rip: number;
  readonly info1: Halves;
  readonly info2: Halves;
}

/** ksmd looks at all registered memory once more. */
export interface KsmScan {
  readonly event: 'ksm_start_scan' | 'ksm_stop_scan';
  readonly seq: number;
  readonly rmap_entries: number;
}

/** A process registers with KSM, or leaves. `mm` names the process; its value has no other use. */
export interface KsmMm {
  readonly event: 'ksm_enter' | 'ksm_exit';
  readonly mm: number;
}

/** A merged page has no users left. */
export interface KsmRemovePage {
  readonly event: 'ksm_remove_ksm_page';
  readonly pfn: Pfn;
}

/** One page of one process is no longer merged. */
export interface KsmRemoveRmapItem {
  readonly event: 'ksm_remove_rmap_item';
  readonly pfn: Pfn;
  readonly mm: number;
}

/** KSM's advisor set the scan rate. */
export interface KsmAdvisor {
  readonly event: 'ksm_advisor';
  readonly scan_time: number;
  readonly pages_to_scan: number;
  readonly cpu_percent: number;
}

/** A line of the program that drove the guest, written to `trace_marker`. */
export interface MarkerEvent {
  readonly event: 'marker';
  readonly marker: Marker;
}

/** A JSON object in `trace_marker` with an `ev` that is not known here. */
export interface OtherMarkerEvent {
  readonly event: 'other_marker';
  readonly marker: { readonly ev: string; readonly [field: string]: unknown };
}

/**
 * The decoded events without their header.
 *
 * Addresses that may be a kernel's (`rip`, `sptep`, `fault_address`, `cr2_or_gpa`, `mm`) are read as signed 64-bit numbers,
 * because a double holds those exactly: ffff888103476468 is -0x777efcb89b98. `sptep` is a physical address in
 * kvm_mmu_set_spte and a virtual or hashed one in fast_page_fault. On Intel, kvm_page_fault's `error_code` is the raw exit
 * qualification of an EPT violation.
 */
export type TraceBody =
  | KvmPageFault
  | FastPageFault
  | KvmMmuSetSpte
  | KvmTdpMmuSpteChanged
  | KvmMmuSpteRequested
  | KvmMmuSplitHugePage
  | MarkMmioSpte
  | HandleMmioPageFault
  | CheckMmioSpte
  | KvmUnmapHvaRange
  | KvmEntry
  | KvmExit
  | KsmMerge
  | KsmScan
  | KsmMm
  | KsmRemovePage
  | KsmRemoveRmapItem
  | KsmAdvisor
  | MarkerEvent
  | OtherMarkerEvent;

/** One decoded line. `switch (body.event)` tells the kinds apart. */
export interface TraceEvent extends TraceHeader {
  /** Kept apart from the header, so that it is the same value as an event of the running MMU. */
  readonly body: TraceBody;
}
