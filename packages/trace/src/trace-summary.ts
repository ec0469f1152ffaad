// What a whole trace amounts to, and what was wrong with it.
import type { BufferNotes } from './buffer-notes.ts';
import type { ReadError } from './error-log.ts';
import type { EventReader } from './event-reader.ts';
import { countsByName, type EventCount } from './event-tally.ts';
import type { Clock } from './header-reader.ts';

/** Events that the kernel recorded, or should have, and this file does not hold. */
export interface LostEvents {
  /** Overwritten before they were read: entries-written less entries-in-buffer. */
  readonly overwritten: number;
  /** Sum of the `CPU:n [LOST m EVENTS]` lines, or of the counts that pages of a trace.dat hold. */
  readonly reported: number;
  /** Not recorded because a buffer in `overwrite=0` was full: only a trace.dat says so. */
  readonly dropped: number;
  /** LOST lines, or pages, that do not say how many. */
  readonly unnumbered: number;
  /** Entries in the buffer, by the file's header, that are neither an event nor a bad line nor lost: the text is a part. */
  readonly missing: number;
}

export type TraceFormat = 'ftrace' | 'trace-cmd report' | 'perf script' | 'trace.dat';

/** Of the file as a whole; what trace-cmd packs inside a trace.dat is no matter. */
export type Compression = 'none' | 'gzip' | 'zstd';

export interface TraceSummary {
  readonly file: string;
  readonly format: TraceFormat;
  readonly compression: Compression;
  /** 0 of a trace.dat. */
  readonly lines: number;
  /** Events with sound columns, decoded or not. */
  readonly events: number;
  /** Events handed out. */
  readonly decoded: number;
  /** From the file's header; `trace_pipe` has none. */
  readonly entriesInBuffer: number | undefined;
  readonly entriesWritten: number | undefined;
  /** Processors by the file's header, else as many as have an event. */
  readonly cpus: number;
  readonly lost: LostEvents;
  /** Events by name, decoded or not. Beyond 4,096 names the rest is counted as `(other names)`. */
  readonly counts: Readonly<Record<string, number>>;
  /** Those of `counts` that were not decoded because their name, or the marker's writer, is not known here. */
  readonly unknown: Readonly<Record<string, number>>;
  /** Those of `counts` that were not delivered because their bodies could not be read: see `errors`. */
  readonly damaged: Readonly<Record<string, number>>;
  /** Decoded events that had columns behind the last one known here, by name: a newer kernel, perhaps. */
  readonly unknownColumns: Readonly<Record<string, number>>;
  /** The first ten. */
  readonly errors: readonly ReadError[];
  readonly errorCount: number;
  /** The input ended too early: packed data cut or damaged, or a last line without line end, which is never delivered. */
  readonly truncated: boolean;
  /** Earliest and latest time, in the unit that `clock` says. */
  readonly firstTime: number;
  readonly lastTime: number;
  readonly clock: Clock;
  /** As `Linux (none) 6.12.117+deb12-amd64 x86_64`; only a trace.dat says it. */
  readonly kernel?: string;
}

/** The columns by name. */
export const countsOf = (
  rows: readonly EventCount[],
): Pick<TraceSummary, 'counts' | 'unknown' | 'damaged' | 'unknownColumns'> => ({
  counts: countsByName(rows, 'count'),
  unknown: countsByName(rows, 'unknown'),
  damaged: countsByName(rows, 'damaged'),
  unknownColumns: countsByName(rows, 'unknownColumns'),
});

export interface ReadInput {
  readonly file: string;
  readonly compression: TraceSummary['compression'];
  readonly lines: number;
  readonly linesWithoutEvent: number;
  readonly truncated: boolean;
  readonly notes: BufferNotes;
  /** Has read at least one event. */
  readonly reader: EventReader;
}

export function summarize({
  file,
  compression,
  lines,
  truncated,
  notes,
  reader,
  ...input
}: ReadInput): TraceSummary {
  const { events, decoded, tally, errors, firstTime, lastTime } = reader;
  return {
    file,
    format: formatOf(notes, reader),
    compression,
    lines,
    events,
    decoded,
    entriesInBuffer: notes.entriesInBuffer,
    entriesWritten: notes.entriesWritten,
    cpus: notes.processors ?? reader.cpus.size,
    lost: lostEvents(notes, events + input.linesWithoutEvent),
    ...countsOf(tally.rows()),
    errors: [...errors.kept],
    errorCount: errors.count,
    truncated,
    firstTime,
    lastTime,
    clock: reader.header.clock ?? 'microseconds',
  };
}

function formatOf(
  { isTraceCmdReport }: BufferNotes,
  { header, padsNames }: EventReader,
): TraceFormat {
  if (header.style === 'perf') return 'perf script';
  return isTraceCmdReport || padsNames ? 'trace-cmd report' : 'ftrace';
}

function lostEvents(notes: BufferNotes, entriesRead: number): LostEvents {
  const { entriesInBuffer = 0, entriesWritten = entriesInBuffer, lost, lostWithoutNumber } = notes;
  return {
    overwritten: Math.max(0, entriesWritten - entriesInBuffer),
    reported: lost,
    dropped: 0,
    unnumbered: lostWithoutNumber,
    missing: Math.max(0, entriesInBuffer - lost - entriesRead),
  };
}
