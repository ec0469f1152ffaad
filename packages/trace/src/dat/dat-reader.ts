// A trace.dat in, typed events out, in the order of time. Memory stays bounded: of every CPU's data, one chunk at a time.
import { setImmediate } from 'node:timers/promises';
import { FOREIGN } from '../decode.ts';
import { ErrorLog } from '../error-log.ts';
import { EventCount } from '../event-tally.ts';
import { TraceError } from '../trace-error.ts';
import type { TraceEvent } from '../trace-event.ts';
import { type Compression, countsOf, type TraceSummary } from '../trace-summary.ts';
import { CpuStream, type TimeOrigin } from './cpu-stream.ts';
import { DatDamage } from './dat-damage.ts';
import type { DatFile } from './dat-file.ts';
import type { DatSource } from './dat-source.ts';
import { eventName, recordDecoder } from './decode-record.ts';
import type { EventFormat } from './event-format.ts';
import { readLayout } from './layout.ts';
import { deliverSome } from './merge.ts';
import { EventRecord, type NumberField } from './record.ts';
import type { DecodeRecord } from './record-plan.ts';

/** After so many events others get a turn: timers, signals. */
const EVENTS_PER_TURN = 65_536;
/** Clocks that count ticks and not nanoseconds. */
const TICKS = /tsc|counter|uptime/;
/** Where every kernel since 2.6.31 has them. */
const COMMON_PID: NumberField = { offset: 4, size: 4, signed: true };
const COMMON_BYTES = 8;

export interface DatReaderOptions {
  /** Name of the input, for messages. */
  readonly file: string;
  /** How the file was packed before somebody unpacked it. */
  readonly compression?: Compression;
}

/**
 * Calls `onEvent` once per decoded event; what it throws rejects the promise. Damage is counted with its byte and section,
 * and the sound part delivered. Rejects with a TraceError if there was no event.
 */
export async function readDat(
  source: DatSource,
  onEvent: (event: TraceEvent) => void,
  options: DatReaderOptions,
): Promise<TraceSummary> {
  const reader = new DatReader(onEvent, options);
  await reader.read(source);
  return reader.summary();
}

/** One kind of event: its decoder, if anybody knows it, and its count. */
interface Kind {
  readonly count: EventCount;
  readonly decode: DecodeRecord | undefined;
}

class DatReader {
  readonly #onEvent: (event: TraceEvent) => void;
  readonly #options: DatReaderOptions;
  readonly #errors = new ErrorLog();
  readonly #record = new EventRecord();
  /** By the event's id. */
  readonly #kinds: (Kind | undefined)[] = [];
  readonly #origin: TimeOrigin = { low: 0, high: 0, isSet: false };
  #file: DatFile | undefined = undefined;
  #streams: readonly CpuStream[] = [];
  #truncated = false;
  #events = 0;
  #decoded = 0;
  /** Unit of the clock's numbers, as a divisor: 1000 nanoseconds are a microsecond. */
  #divisor = 1000;
  #zero = 0;
  #firstTime = Number.POSITIVE_INFINITY;
  #lastTime = Number.NEGATIVE_INFINITY;

  constructor(onEvent: (event: TraceEvent) => void, options: DatReaderOptions) {
    this.#onEvent = onEvent;
    this.#options = options;
  }

  async read(source: DatSource): Promise<void> {
    const onDamage = (damage: DatDamage): void => this.#noteDamage(damage, source.size);
    const layout = await readLayout(source, onDamage).catch((error) => this.#refuse(error));
    const { file, unpack } = layout;
    this.#file = file;
    this.#divisor = TICKS.test(file.clock) ? 1 : 1000;
    const shared = { source, unpack, layout: file.page, origin: this.#origin, onDamage };
    this.#streams = file.cpus.map((data) => new CpuStream({ data, ...shared }));
    for (const stream of this.#streams) stream.advance();
    this.#zero = this.#origin.high * 2 ** 32 + this.#origin.low;
    const deliver = (stream: CpuStream): void => this.#deliver(stream);
    while (deliverSome(this.#streams, EVENTS_PER_TURN, deliver)) await setImmediate();
  }

  #deliver(stream: CpuStream): void {
    const record = this.#record;
    record.bytes = stream.bytes;
    record.words = stream.words;
    record.at = stream.at;
    record.length = stream.length;
    const time = (this.#zero + stream.time) / this.#divisor;
    if (time < this.#firstTime) this.#firstTime = time;
    if (time > this.#lastTime) this.#lastTime = time;
    const line = ++this.#events;
    const kind = this.#kindOf(record);
    kind.count.count++;
    if (kind.decode === undefined || record.length < COMMON_BYTES) {
      kind.count.unknown++;
      return;
    }
    const body = kind.decode(record);
    if (body === FOREIGN) kind.count.unknown++;
    else if (body === undefined) this.#noteBadRecord(kind.count, stream);
    else {
      this.#decoded++;
      const pid = record.number(COMMON_PID);
      const task = this.#file?.tasks.get(pid) ?? '<...>';
      this.#onEvent({ line, task, pid, cpu: stream.cpu, time, body });
    }
  }

  #kindOf({ words, at }: EventRecord): Kind {
    const id = (words[at >> 2] as number) & 0xffff;
    const known = this.#kinds[id];
    if (known !== undefined) return known;
    const format = this.#file?.format(id);
    const kind = format === undefined ? unknownKind(id) : kindOf(format);
    this.#kinds[id] = kind;
    return kind;
  }

  #noteBadRecord(count: EventCount, { cpu }: CpuStream): void {
    count.damaged++;
    this.#errors.addOther(() => ({
      place: `event ${this.#events}, of CPU ${cpu}`,
      text: `a record of ${this.#record.length} bytes`,
      expected: `a record as the format of ${count.name} says`,
    }));
  }

  #noteDamage(damage: DatDamage, size: number): void {
    const { byte, section, expected, got } = damage;
    if (byte >= size || got.startsWith(`a file of ${size}`)) this.#truncated = true;
    const place = `byte ${byte}, ${section}`;
    this.#errors.addOther(() => ({ place, byte, text: got, expected }));
  }

  #refuse(error: unknown): never {
    if (!(error instanceof DatDamage)) throw error;
    const { byte, section, expected, got } = error;
    throw new TraceError({
      file: this.#options.file,
      place: `byte ${byte}, ${section}`,
      expected,
      got,
    });
  }

  summary(): TraceSummary {
    const { file, compression = 'none' } = this.#options;
    if (this.#events === 0) throw this.#nothingFound();
    const kinds = this.#kinds.filter((kind) => kind !== undefined);
    return {
      file,
      format: 'trace.dat',
      compression,
      lines: 0,
      events: this.#events,
      decoded: this.#decoded,
      entriesInBuffer: undefined,
      entriesWritten: undefined,
      cpus: this.#streams.length,
      lost: this.#lost(),
      ...countsOf(kinds.map(({ count }) => count)),
      errors: [...this.#errors.kept],
      errorCount: this.#errors.count,
      truncated: this.#truncated,
      firstTime: this.#firstTime,
      lastTime: this.#lastTime,
      clock: this.#divisor === 1 ? 'ticks' : 'microseconds',
      ...(this.#file?.kernel !== undefined && { kernel: this.#file.kernel }),
    };
  }

  /** Pages that say how many were lost before them speak of the events that the statistics count as overrun. */
  #lost(): TraceSummary['lost'] {
    const { overrun = 0, dropped = 0 } = this.#file ?? {};
    const reported = this.#streams.reduce((sum, { lost }) => sum + lost, 0);
    return {
      overwritten: Math.max(0, overrun - reported),
      reported,
      dropped,
      unnumbered: this.#streams.reduce((sum, stream) => sum + stream.lostWithoutNumber, 0),
      missing: 0,
    };
  }

  #nothingFound(): TraceError {
    const { file } = this.#options;
    const [first] = this.#errors.kept;
    if (first !== undefined) {
      const { place, expected, text: got } = first;
      return new TraceError({ file, place, expected, got });
    }
    const got = 'none; usual cause: tracing was off';
    return new TraceError({ file, expected: 'events', got });
  }
}

/** Made when the first of its events comes: a file describes hundreds of kinds and holds some thirty. */
function kindOf(format: EventFormat): Kind {
  return { count: new EventCount(eventName(format)), decode: recordDecoder(format) };
}

const unknownKind = (id: number): Kind => ({
  count: new EventCount(`(event ${id} without a format)`),
  decode: undefined,
});
