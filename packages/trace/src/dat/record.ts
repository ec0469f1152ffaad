// One event as it lies in the ring buffer: bytes, read at the places that its format names. Records begin at multiples of
// four, so a field that does too is one or two loads from a word array.
import { decodeText } from '../byte-interner.ts';
import type { Halves } from '../halves.ts';
import type { FormatField } from './event-format.ts';

/** Where a number lies in the record, and how to read it. */
export interface NumberField {
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

export class EventRecord {
  /** The buffer that holds the record, and the same memory by words. */
  bytes: Uint8Array = new Uint8Array(0);
  words: Int32Array = new Int32Array(0);
  at = 0;
  length = 0;

  /** A number of up to 32 bits, or of 64 where it is known to be small: exact below 2^53, and above -2^53 if signed. */
  number({ offset, size, signed }: NumberField): number {
    const at = this.at + offset;
    if (size === 4) {
      const word = this.words[at >> 2] as number;
      return signed ? word : word >>> 0;
    }
    if (size === 8) {
      const low = this.words[at >> 2] as number;
      const high = this.words[(at >> 2) + 1] as number;
      return (signed ? high : high >>> 0) * 2 ** 32 + (low >>> 0);
    }
    return this.#small(at, size, signed);
  }

  #small(at: number, size: number, signed: boolean): number {
    const { bytes } = this;
    const byte = bytes[at] as number;
    if (size === 1) return signed ? (byte << 24) >> 24 : byte;
    const two = byte | ((bytes[at + 1] as number) << 8);
    return signed ? (two << 16) >> 16 : two;
  }

  /** A 64-bit number that may be an address of the kernel's half: signed, since a double holds those exactly. */
  address({ offset }: NumberField): number {
    const at = (this.at + offset) >> 2;
    return (this.words[at + 1] as number) * 2 ** 32 + ((this.words[at] as number) >>> 0);
  }

  halves({ offset }: NumberField): Halves {
    const at = (this.at + offset) >> 2;
    return { low: this.words[at] as number, high: this.words[at + 1] as number };
  }

  /** The text of a `char[]` up to its first NUL: of a field of fixed size, of the rest of the record, or where a `__data_loc` points. */
  string(field: FormatField): string {
    const { from, to } = this.range(field);
    const nul = this.bytes.subarray(from, to).indexOf(0);
    return decodeText(this.bytes, from, nul < 0 ? to : from + nul);
  }

  /** Where the bytes of an array lie in the buffer; never outside of the record. */
  range({ type, offset, size }: FormatField): { from: number; to: number } {
    const end = this.at + this.length;
    const own = this.at + offset;
    if (!type.startsWith('__data_loc')) return this.#within(own, size === 0 ? end : own + size);
    const place = this.words[own >> 2] as number;
    const from = this.at + (place & 0xffff);
    return this.#within(from, from + (place >>> 16));
  }

  #within(from: number, to: number): { from: number; to: number } {
    const end = this.at + this.length;
    return { from: Math.min(from, end), to: Math.min(to, end) };
  }
}
