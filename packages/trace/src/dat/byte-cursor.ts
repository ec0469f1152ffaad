// Reads a part of a trace.dat from left to right. Every bound is checked: what does not fit throws a DatDamage that names
// the byte. Numbers are little-endian: a trace of KVM on x86 can be nothing else.
import { decodeText } from '../byte-interner.ts';
import { DatDamage } from './dat-damage.ts';

export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Byte of the file where `bytes` begin; of what was packed, where the packed data begin. */
  readonly #base: number;
  readonly #section: string;
  at = 0;

  constructor(bytes: Uint8Array, base: number, section: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#base = base;
    this.#section = section;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** An offset or a size. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > Number.MAX_SAFE_INTEGER) this.fail('an offset or a size', `${value}`);
    return Number(value);
  }

  bytes(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(length: number): string {
    const from = this.#take(length);
    return decodeText(this.#bytes, from, from + length);
  }

  /** Up to a NUL, which is passed over. */
  cString(): string {
    const nul = this.#bytes.indexOf(0, this.at);
    if (nul < 0) this.fail('a text that ends in NUL', 'the end');
    const text = decodeText(this.#bytes, this.at, nul);
    this.at = nul + 1;
    return text;
  }

  expectText(text: string): void {
    const got = this.left < text.length ? 'the end' : JSON.stringify(this.text(text.length));
    if (got !== JSON.stringify(text)) this.fail(JSON.stringify(text), got);
  }

  fail(expected: string, got: string): never {
    throw new DatDamage({ byte: this.#base + this.at, section: this.#section, expected, got });
  }

  #take(length: number): number {
    if (length > this.left) this.fail(`${length} bytes`, `${this.left} before the end`);
    const from = this.at;
    this.at += length;
    return from;
  }
}
