// Traces that a kernel recorded: readers and the events they give.

export { gaps, isComplete, isDamaged } from './completeness.ts';
export type { DirtyLogKind, DirtyLogRound, RoundsSource } from './dirty-log-round.ts';
export { DirtyRate, type DirtyRateOptions, type DirtyWindow } from './dirty-rate.ts';
export type { LineError } from './error-log.ts';
export { FtraceParser, type FtraceParserOptions } from './ftrace-parser.ts';
export { GfnSet } from './gfn-set.ts';
export type { Halves } from './halves.ts';
export type { Clock } from './header-reader.ts';
export type * from './host-event.ts';
export type { Marker } from './marker.ts';
export { MigrationRounds, type Rounds } from './migration-rounds.ts';
export type * from './mmu-event.ts';
export { type PageChange, pageChange } from './page-change.ts';
export { readTrace } from './read-trace.ts';
export { TraceError, type TraceProblem } from './trace-error.ts';
export type {
  MarkerEvent,
  OtherMarkerEvent,
  TraceBody,
  TraceEvent,
  TraceHeader,
} from './trace-event.ts';
export type { LostEvents, TraceSummary } from './trace-summary.ts';
export type * from './vcpu-event.ts';
