// Counts what could not be read and keeps the first few places: enough to see what is wrong, bounded however much is.
import { decodeText } from './byte-interner.ts';

const KEPT = 10;
const EXCERPT_BYTES = 240;

/** A place that could not be read: a line of text, a part of a trace.dat, or one of its events. */
export interface ReadError {
  /** As `line 12`, or `byte 1560576, data of CPU 0`. */
  readonly place: string;
  /** Counted from 1, of text. */
  readonly line?: number;
  /** Of a trace.dat. */
  readonly byte?: number;
  /** What is there: the beginning of the line, control characters replaced. */
  readonly text: string;
  /** What was looked for and not found. */
  readonly expected: string;
}

/** Where a line lies. */
export interface LinePlace {
  readonly line: number;
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

export class ErrorLog {
  readonly kept: ReadError[] = [];
  count = 0;

  add({ line, bytes, from, to }: LinePlace, expected: string): void {
    this.count++;
    if (this.kept.length === KEPT) return;
    this.kept.push({ place: `line ${line}`, line, text: excerpt(bytes, from, to), expected });
  }

  /** What is not a line. `make` is called only if there is room. */
  addOther(make: () => ReadError): void {
    this.count++;
    if (this.kept.length < KEPT) this.kept.push(make());
  }
}

/** The beginning as text that is safe to print on a terminal. */
function excerpt(bytes: Uint8Array, from: number, to: number): string {
  const isCut = to - from > EXCERPT_BYTES;
  const text = decodeText(bytes, from, isCut ? from + EXCERPT_BYTES : to);
  return text.trimStart().replace(/\p{Cc}/gu, '\u00b7') + (isCut ? '...' : '');
}
