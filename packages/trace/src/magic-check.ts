// Stops at once on a file whose first bytes belong to another, binary format, however small the pieces come in.
import { foreignFormat, MAGIC_BYTES } from './foreign-format.ts';
import { TraceError } from './trace-error.ts';

export class MagicCheck {
  readonly #file: string;
  readonly #head: Uint8Array = new Uint8Array(MAGIC_BYTES);
  #length = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Throws a TraceError as soon as the format shows. */
  look(chunk: Uint8Array): void {
    if (this.#length === MAGIC_BYTES) return;
    const taken = chunk.subarray(0, MAGIC_BYTES - this.#length);
    this.#head.set(taken, this.#length);
    this.#length += taken.length;
    const got = foreignFormat(this.#head.subarray(0, this.#length));
    if (got !== undefined)
      throw new TraceError({ file: this.#file, expected: 'text of ftrace', got });
  }
}
