// A text that is looked for at many places, compared four bytes at a time.
import { decodeText } from './byte-interner.ts';

const WORD_BYTES = 4;
export const MAX_TEXT_BYTES = 256;

/** Bytes, and the same bytes for who reads several at once. */
export interface Viewed {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export class ByteText {
  readonly length: number;
  readonly #bytes: Uint8Array;
  /** All the bytes by fours: the last word overlaps the one before. None of a text that is shorter than a word. */
  readonly #words: Int32Array;
  readonly #offsets: Uint8Array;

  /** Copies the bytes from `from` up to, not including, `to`: at most MAX_TEXT_BYTES. */
  constructor(bytes: Uint8Array, from: number, to: number) {
    this.length = to - from;
    // Not slice(): a Buffer's is a view of bytes that are only lent.
    this.#bytes = new Uint8Array(bytes.subarray(from, to));
    const words = this.length < WORD_BYTES ? 0 : Math.ceil(this.length / WORD_BYTES);
    this.#offsets = Uint8Array.from({ length: words }, (_, word) =>
      Math.min(word * WORD_BYTES, this.length - WORD_BYTES),
    );
    const view = new DataView(this.#bytes.buffer);
    this.#words = Int32Array.from(this.#offsets, (offset) => view.getInt32(offset));
  }

  /** Whether it stands at `at`. Looks from its end: texts that are mistaken for each other mostly differ there. */
  isAt({ bytes, view }: Viewed, at: number): boolean {
    if (at + this.length > bytes.length) return false;
    const words = this.#words;
    if (words.length === 0) return this.#isShortAt(bytes, at);
    for (let word = words.length - 1; word >= 0; word--) {
      if (view.getInt32(at + (this.#offsets[word] as number)) !== words[word]) return false;
    }
    return true;
  }

  toString(): string {
    return decodeText(this.#bytes, 0, this.length);
  }

  #isShortAt(bytes: Uint8Array, at: number): boolean {
    return this.#bytes.every((byte, i) => bytes[at + i] === byte);
  }
}

const encoder = new TextEncoder();

/** A text of the program's own, for who looks for it so often that a string would be too slow. */
export function literal(text: string): ByteText {
  const bytes = encoder.encode(text);
  return new ByteText(bytes, 0, bytes.length);
}
