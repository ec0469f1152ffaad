// Traces that a kernel recorded: readers and the events they give.
export type { LineError } from './error-log.ts';
export { FtraceParser, type FtraceParserOptions } from './ftrace-parser.ts';
export type { Clock } from './header-reader.ts';
export type { Marker } from './marker.ts';
export { readTrace } from './read-trace.ts';
export { TraceError, type TraceProblem } from './trace-error.ts';
export type {
  Halves,
  KsmAdvisor,
  KsmMm,
  KsmRemovePage,
  KsmRemoveRmapItem,
  KsmScan,
  KvmEntry,
  KvmExit,
  MarkerEvent,
  OtherMarkerEvent,
  TraceBody,
  TraceEvent,
  TraceHeader,
} from './trace-event.ts';
export type { LostEvents, TraceSummary } from './trace-summary.ts';
