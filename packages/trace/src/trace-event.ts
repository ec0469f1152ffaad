// What a trace says happened: the header that ftrace puts before every event, and the event. Where the running MMU has the
// same event (packages/mmu event.ts) it has the same name and shape here, so whatever reads the one reads the other.
import type {
  CheckMmioSpte,
  FastPageFault,
  HandleMmioPageFault,
  KsmMerge,
  KvmAgeHva,
  KvmDirtyRingExit,
  KvmDirtyRingPush,
  KvmDirtyRingReset,
  KvmMmuSetSpte,
  KvmMmuSplitHugePage,
  KvmMmuSpteRequested,
  KvmMmuZapAllFast,
  KvmPageFault,
  KvmTdpMmuSpteChanged,
  KvmTestAgeHva,
  KvmUnmapHvaRange,
  MarkMmioSpte,
} from '@faultline/mmu';
import type { HostTraceEvent } from './host-event.ts';
import type { Marker } from './marker.ts';
import type { MmuTraceEvent } from './mmu-event.ts';
import type { VcpuTraceEvent } from './vcpu-event.ts';

/** Who, where and when. */
export interface TraceHeader {
  /** Line of the file, counted from 1; of a trace.dat, which has no lines, the event, counted from 1. */
  readonly line: number;
  /** Name of the thread, as `CPU 0/KVM`, `ksmd`, `<...>`. */
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  /** Microseconds of the trace's clock; ticks where the clock counts those (`x86-tsc`): see `TraceSummary.clock`. */
  readonly time: number;
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
 * Addresses that may be a kernel's (`rip`, `sptep`, `fault_address`, `cr2_or_gpa`, `addr`, `mm`), and what a system call takes
 * and returns as such (`arg`, `ret`), are read as signed 64-bit numbers,
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
  | KvmMmuZapAllFast
  | MarkMmioSpte
  | HandleMmioPageFault
  | CheckMmioSpte
  | KvmUnmapHvaRange
  | KvmAgeHva
  | KvmTestAgeHva
  | KvmDirtyRingPush
  | KvmDirtyRingReset
  | KvmDirtyRingExit
  | KsmMerge
  | MmuTraceEvent
  | VcpuTraceEvent
  | HostTraceEvent
  | MarkerEvent
  | OtherMarkerEvent;

/** One decoded line. `switch (body.event)` tells the kinds apart. */
export interface TraceEvent extends TraceHeader {
  /** Kept apart from the header, so that it is the same value as an event of the running MMU. */
  readonly body: TraceBody;
}
