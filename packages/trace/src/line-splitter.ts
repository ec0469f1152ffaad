// Bytes in arbitrary pieces to whole lines. A line inside one piece is not copied; only what a piece leaves unfinished is.

/** Gets the line's place in `bytes`, which are only lent. */
type OnLine = (bytes: Uint8Array, from: number, to: number) => void;

export interface LineHandlers {
  /** A whole line; `bytes[to]` belongs to its line end. */
  readonly line: OnLine;
  /** The beginning of a line over MAX_LINE_BYTES, of which the remainder is passed over. */
  readonly longLine: OnLine;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** ftrace prints a line through a buffer of a page or two; what is longer is no line of a trace. */
export const MAX_LINE_BYTES: number = 64 * 1024;

export class LineSplitter {
  readonly #on: LineHandlers;
  #rest: Uint8Array = new Uint8Array(1024);
  #restLength = 0;
  /** Inside a line of which the beginning has been reported as too long. */
  #skipping = false;

  constructor(on: LineHandlers) {
    this.#on = on;
  }

  /** Whether bytes wait for their line end. */
  get unfinished(): boolean {
    return this.#restLength > 0 || this.#skipping;
  }

  feed(chunk: Uint8Array): void {
    // A Buffer finds a byte faster, but code that gets to see two classes of arrays is slower with both.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    let from = 0;
    for (;;) {
      const to = chunk.indexOf(LINE_FEED, from);
      if (to < 0) break;
      this.#endLine(bytes, from, to);
      from = to + 1;
    }
    this.#keep(bytes.subarray(from));
    if (this.#restLength > MAX_LINE_BYTES) this.#giveUpLine();
  }

  #endLine(chunk: Uint8Array, from: number, to: number): void {
    if (this.#skipping) {
      this.#skipping = false;
    } else if (this.#restLength === 0) {
      this.#report(chunk, from, to);
    } else {
      this.#keep(chunk.subarray(from, to + 1));
      const length = this.#restLength - 1;
      this.#restLength = 0;
      this.#report(this.#rest, 0, length);
    }
  }

  #report(bytes: Uint8Array, from: number, to: number): void {
    const end = to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
    if (to - from > MAX_LINE_BYTES) this.#on.longLine(bytes, from, to);
    else this.#on.line(bytes, from, end);
  }

  #giveUpLine(): void {
    this.#skipping = true;
    this.#on.longLine(this.#rest, 0, this.#restLength);
    this.#restLength = 0;
  }

  #keep(piece: Uint8Array): void {
    if (this.#skipping) return;
    const length = this.#restLength + piece.length;
    if (length > this.#rest.length) {
      const longer = new Uint8Array(2 * length);
      longer.set(this.#rest.subarray(0, this.#restLength));
      this.#rest = longer;
    }
    this.#rest.set(piece, this.#restLength);
    this.#restLength = length;
  }
}
