// Text of ftrace in, typed events out. Fed by whoever has the bytes: a file, a pipe, a browser's stream.
//
// Guarantee: memory stays bounded whatever comes in; the same bytes in other pieces give the same events; a bad line costs
// itself only and is counted. A line is delivered as soon as its line end has come.
import { BufferNotes } from './buffer-notes.ts';
import { EventReader } from './event-reader.ts';
import { LineCursor } from './line-cursor.ts';
import { LineSplitter, MAX_LINE_BYTES } from './line-splitter.ts';
import { MagicCheck } from './magic-check.ts';
import { nothingFound, unreadOption } from './nothing-found.ts';
import type { TraceEvent } from './trace-event.ts';
import { summarize, type TraceSummary } from './trace-summary.ts';

export interface FtraceParserOptions {
  /** Name of the input, for messages. */
  readonly file?: string;
  /** How the bytes were packed before somebody unpacked them; goes into the summary. */
  readonly compression?: TraceSummary['compression'];
}

export class FtraceParser {
  readonly #file: string;
  readonly #compression: TraceSummary['compression'];
  readonly #magic: MagicCheck;
  readonly #splitter: LineSplitter;
  readonly #line: LineCursor = new LineCursor();
  readonly #notes: BufferNotes = new BufferNotes();
  readonly #reader: EventReader;
  readonly #encoder = new TextEncoder();
  #lines = 0;
  #linesWithoutEvent = 0;

  /** `onEvent` is called once per decoded event, in the order of the lines; what it throws comes out of `feed`. */
  constructor(onEvent: (event: TraceEvent) => void, options: FtraceParserOptions = {}) {
    this.#file = options.file ?? '(input)';
    this.#compression = options.compression ?? 'none';
    this.#magic = new MagicCheck(this.#file);
    this.#reader = new EventReader(onEvent);
    this.#splitter = new LineSplitter({
      line: (bytes, from, to) => this.#readLine(bytes, from, to),
      longLine: (bytes, from, to) => this.#rejectLine(bytes, from, to),
    });
  }

  /**
   * The next piece of the text (UTF-8 where it is bytes); it may end anywhere, a string not inside a surrogate pair.
   * Throws a TraceError as soon as the first bytes show another, binary format.
   */
  feed(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === 'string' ? this.#encoder.encode(chunk) : chunk;
    this.#magic.look(bytes);
    this.#splitter.feed(bytes);
  }

  /**
   * No more bytes will come. A last line without line end may be cut inside a number: it is not delivered, and the summary
   * says `truncated`, as it does if the caller knows that bytes are missing. Throws a TraceError if no event was found, or
   * only what an option of trace-cmd made of them.
   */
  end(input: { readonly truncated?: boolean } = {}): TraceSummary {
    const reader = this.#reader;
    const truncated = input.truncated === true || this.#splitter.unfinished;
    const [firstError] = reader.errors.kept;
    const isUnread = reader.decoded === 0 && firstError && unreadOption(firstError);
    if (reader.events === 0 || isUnread) {
      throw nothingFound({
        file: this.#file,
        lines: this.#lines,
        firstError,
        truncated,
      });
    }
    return summarize({
      file: this.#file,
      compression: this.#compression,
      lines: this.#lines,
      linesWithoutEvent: this.#linesWithoutEvent,
      truncated,
      notes: this.#notes,
      reader,
    });
  }

  #readLine(bytes: Uint8Array, from: number, to: number): void {
    this.#lines++;
    this.#line.aim(bytes, from, to);
    if (this.#notes.read(this.#line)) return;
    this.#line.moveTo(from);
    if (!this.#reader.read(this.#line, this.#lines)) this.#linesWithoutEvent++;
  }

  #rejectLine(bytes: Uint8Array, from: number, to: number): void {
    const line = ++this.#lines;
    this.#linesWithoutEvent++;
    this.#reader.errors.add({ line, bytes, from, to }, `a line of at most ${MAX_LINE_BYTES} bytes`);
  }
}
