// What `faultline report` says of a trace, as plain data: made in one pass over the events, in memory that does not grow with
// their number, but for a bit per page and round of the dirty log.

import type { RoundsSource } from '../dirty-log-round.ts';
import type { DirtyWindow } from '../dirty-rate.ts';
import type { Race, RaceKind } from '../races/race.ts';
import type { TraceSummary } from '../trace-summary.ts';
import type { FastShare } from './fast-share.ts';
import type { FaultKind } from './fault-kind.ts';
import type { HotRange } from './hot-ranges.ts';
import type { HugePages } from './huge-pages.ts';
import type { LogFull } from './log-full.ts';
import type { LoggedRound } from './logged-round.ts';
import type { MmioAccesses } from './mmio-tally.ts';
import type { MmuMode } from './mmu-mode.ts';
import type { NotifierRow } from './notifier-tally.ts';
import type { ReportOptions } from './report-options.ts';
import type { Spin } from './spins.ts';

/** From the exit to the next entry; all NaN where no fault has both. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Stall: the sum of all. */
  readonly sum: number;
}

export interface KindRow extends Latency {
  readonly kind: FaultKind;
  readonly count: number;
}

export interface VcpuRow extends Latency {
  readonly vcpu: number;
  readonly pid: number;
  readonly task: string;
  readonly faults: number;
  /** Stall from dirty logging alone. */
  readonly loggingStall: number;
  /** From the vCPU's first event to its last, as far as the filter lets it. */
  readonly span: number;
}

export interface RoundRow extends LoggedRound {
  /** Stall from dirty logging since the harvest before, of each vCPU in the order of `vcpus`. */
  readonly stall: readonly number[];
}

/**
 * Durations, stalls, spans and the precision are in `unit`; points in time (`time`, `began`, `since`, ...) are the trace's own, in
 * microseconds or ticks.
 */
export interface Report {
  readonly unit: 'ns' | 'ticks';
  readonly filter: ReportOptions;
  readonly summary: TraceSummary;
  readonly mode: MmuMode;
  readonly faults: number;
  /** Those that have a re-entry, and so a duration. */
  readonly timed: number;
  readonly kinds: readonly KindRow[];
  readonly vcpus: readonly VcpuRow[];
  readonly roundsSource: RoundsSource | undefined;
  readonly rounds: readonly RoundRow[];
  /** How far the stall of a round may be off, for each vCPU. */
  readonly roundPrecision: number;
  readonly windows: readonly DirtyWindow[];
  /** Exits because a dirty ring or PML was full; not among the faults. */
  readonly logFull: LogFull;
  readonly fast: FastShare;
  readonly ranges: readonly HotRange[];
  readonly hugePages: HugePages;
  readonly mmio: MmioAccesses;
  /** Who made mmu notifiers take pages away. */
  readonly notifiers: readonly NotifierRow[];
  /** The longest that a vCPU faulted on one page for nothing; undefined where it never did so twice. */
  readonly longestSpin: Spin | undefined;
  readonly raceCounts: Readonly<Record<RaceKind, number>>;
  /** The first 200 of each kind, in the order of their time. */
  readonly races: readonly Race[];
}
