// Counts bad lines and keeps the first few: enough to see what is wrong, bounded however much is.
import { decodeText } from './byte-interner.ts';

const KEPT = 10;
const EXCERPT_BYTES = 240;

/** A line that could not be read. */
export interface LineError {
  /** Counted from 1. */
  readonly line: number;
  /** Beginning of the line, control characters replaced. */
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
  readonly kept: LineError[] = [];
  count = 0;

  add({ line, bytes, from, to }: LinePlace, expected: string): void {
    this.count++;
    if (this.kept.length < KEPT) this.kept.push({ line, text: excerpt(bytes, from, to), expected });
  }
}

/** The beginning as text that is safe to print on a terminal. */
function excerpt(bytes: Uint8Array, from: number, to: number): string {
  const isCut = to - from > EXCERPT_BYTES;
  const text = decodeText(bytes, from, isCut ? from + EXCERPT_BYTES : to);
  return text.trimStart().replace(/\p{Cc}/gu, '\u00b7') + (isCut ? '...' : '');
}
