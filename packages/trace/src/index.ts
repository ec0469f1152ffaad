// Traces that a kernel recorded: readers and the events they give.

export { gaps, hasHoles, isComplete, isDamaged } from './completeness.ts';
export {
  CONVERSIONS,
  type Conversion,
  type Converter,
  newConverter,
  type Sink,
} from './convert/converter.ts';
export {
  type CompareOptions,
  type Comparison,
  compareReports,
  type Verdict,
} from './diff/compare.ts';
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
export { type PageChange, PageChanges } from './page-change.ts';
export type { DirtyLoad } from './predict/dirty-load.ts';
export { type RingOutlook, type RingParameters, ringOutlook } from './predict/dirty-ring.ts';
export type {
  Downtime,
  MigrationEnd,
  MigrationParameters,
  MigrationRound,
  MigrationRun,
} from './predict/migration-run.ts';
export { type Interval, type Loads, predict, type StrategyPrediction } from './predict/predict.ts';
export { RateLoad, type RatePoint } from './predict/rate-load.ts';
export { type RecordedLoad, readRecordedLoad } from './predict/recorded-load.ts';
export {
  DEFAULT_ROUND_COST,
  type Harvest,
  type RoundCost,
  roundCostOf,
} from './predict/round-cost.ts';
export { STRATEGIES, STRATEGY_NOTES, type Strategy } from './predict/strategy.ts';
export { SWITCH_OVERS, type SwitchOver } from './predict/switch-over.ts';
export { WorkingSet, type WorkingSetOptions } from './predict/working-set.ts';
export { type WriteHistory, WriteHistoryReader } from './predict/write-history.ts';
export type { WriteWindow } from './predict/write-window.ts';
export { type DrawnRace, drawRace } from './races/draw-race.ts';
export { RACE_KINDS, type Race, type RaceKind, raceKinds } from './races/race.ts';
export { type RaceStep, raceSteps } from './races/race-steps.ts';
export { readTrace, STDIN_NAME, type TracePieces } from './read-trace.ts';
export { Recorder } from './replay/acts/recorder.ts';
export type { Recording } from './replay/acts/recording.ts';
export { replay } from './replay/replay.ts';
export {
  INFERENCES,
  type Inference,
  LEFT_OUT,
  type LeftOut,
  RULES,
  type Rule,
} from './replay/rules.ts';
export {
  COMPARED,
  type Compared,
  type Difference,
  type Tally,
  type Verdicts,
} from './replay/verdicts.ts';
export { EXACT_BELOW, QUANTILE_ERROR } from './report/durations.ts';
export type { FastShare, SlowPathEstimate } from './report/fast-share.ts';
export { FAULT_KINDS, type FaultKind } from './report/fault-kind.ts';
export { type Figure, figures } from './report/figures.ts';
export type { HotRange } from './report/hot-ranges.ts';
export type { HugePages } from './report/huge-pages.ts';
export type { LogFull } from './report/log-full.ts';
export type { LoggedRound } from './report/logged-round.ts';
export type { MmioAccesses, MmioRegister } from './report/mmio-tally.ts';
export type { MmuMode } from './report/mmu-mode.ts';
export type { NotifierRow } from './report/notifier-tally.ts';
export type * from './report/report.ts';
export { ReportBuilder } from './report/report-builder.ts';
export type { ReportOptions } from './report/report-options.ts';
export type { Spin } from './report/spins.ts';
export { errorCodeOfQualification, pageFaultErrorCode } from './spte/exit-qualification.ts';
export { SpteLayoutDetector } from './spte/spte-layout.ts';
export {
  type MmioView,
  type SpteKind,
  type SpteLayout,
  type SpteView,
  viewSpte,
} from './spte/spte-view.ts';
export { TraceError, type TraceProblem } from './trace-error.ts';
export type {
  MarkerEvent,
  OtherMarkerEvent,
  TraceBody,
  TraceEvent,
  TraceHeader,
} from './trace-event.ts';
export type { Compression, LostEvents, TraceFormat, TraceSummary } from './trace-summary.ts';
export { whyUnreadable } from './unreadable.ts';
export type * from './vcpu-event.ts';
