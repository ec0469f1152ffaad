// Traces that a kernel recorded: readers and the events they give.

export { gaps, isComplete, isDamaged } from './completeness.ts';
export type { DirtyLogKind, DirtyLogRound, RoundsSource } from './dirty-log-round.ts';
export {
  DirtyRate,
  type DirtyRateOptions,
  type DirtyRateSource,
  type DirtyWindow,
} from './dirty-rate.ts';
export type { ReadError } from './error-log.ts';
export { FtraceParser, type FtraceParserOptions } from './ftrace-parser.ts';
export { GfnSet } from './gfn-set.ts';
export type { Halves } from './halves.ts';
export type { Clock } from './header-reader.ts';
export type * from './host-event.ts';
export type { Marker } from './marker.ts';
export { MigrationRounds, type Rounds } from './migration-rounds.ts';
export type * from './mmu-event.ts';
export { type PageChange, pageChange } from './page-change.ts';
export type { DirtyLoad } from './predict/dirty-load.ts';
export type {
  MigrationEnd,
  MigrationParameters,
  MigrationRound,
  MigrationRun,
} from './predict/migration.ts';
export { type Interval, type Loads, predict, type StrategyPrediction } from './predict/predict.ts';
export { RateLoad, type RatePoint } from './predict/rate-load.ts';
export { type RecordedLoad, readRecordedLoad } from './predict/recorded-load.ts';
export { STRATEGIES, STRATEGY_NOTES, type Strategy } from './predict/strategy.ts';
export { WorkingSet, type WorkingSetOptions } from './predict/working-set.ts';
export {
  type WriteHistory,
  WriteHistoryReader,
  type WriteWindow,
} from './predict/write-history.ts';
export { readTrace } from './read-trace.ts';
export { TraceError, type TraceProblem } from './trace-error.ts';
export type {
  MarkerEvent,
  OtherMarkerEvent,
  TraceBody,
  TraceEvent,
  TraceHeader,
} from './trace-event.ts';
export type { Compression, LostEvents, TraceFormat, TraceSummary } from './trace-summary.ts';
export type * from './vcpu-event.ts';
