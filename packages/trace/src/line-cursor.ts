// Reads one line of bytes from left to right. A read that does not find what it looks for says so once, in `expected`,
// and moves to the end, where every later read fails too: a decoder is a straight line of reads, checked once after the
// last. No exceptions, because a damaged trace has such a line in every second row.
//
// The byte at `end` belongs to the line end, so it is no digit and no letter: no read needs to look at `end` itself.
import { ByteInterner, decodeText } from './byte-interner.ts';
import type { ByteText } from './byte-text.ts';
import type { Halves } from './halves.ts';

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** Value of a byte as hexadecimal digit, -1 if it is none. */
const HEX: Int8Array = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  HEX[value.toString(16).charCodeAt(0)] = value;
  HEX[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

/** Longest run of hexadecimal digits: a 64-bit value. */
const MAX_HEX_DIGITS = 16;
/** Distinct exit reasons and the like that are decoded once; KVM has about a hundred. */
const KNOWN_STRINGS = 512;

export const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;

export class LineCursor {
  bytes: Uint8Array = new Uint8Array(1);
  /** The same bytes, for who reads several at once. */
  view: DataView = new DataView(this.bytes.buffer);
  at = 0;
  end = 0;
  /** What the first failed read had looked for; undefined while all is well. */
  expected: string | undefined = undefined;

  readonly #strings = new ByteInterner(KNOWN_STRINGS, (text) => text);
  #low = 0;
  #high = 0;

  /** Looks at `bytes` from `at` up to `end`, where the line end is. */
  aim(bytes: Uint8Array, at: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.end = end;
    this.moveTo(at);
  }

  /** Goes on at `at` and forgets a failure. */
  moveTo(at: number): void {
    this.at = at;
    this.expected = undefined;
  }

  fail(expected: string): void {
    this.expected ??= expected;
    this.at = this.end;
  }

  /** Passes over `literal`, which holds no line end. */
  text(literal: string | ByteText): void {
    if (!this.accept(literal)) this.fail(`"${literal}"`);
  }

  /** Passes over `literal` if it is next; says whether it was. */
  accept(literal: string | ByteText): boolean {
    const { at } = this;
    if (!(typeof literal === 'string' ? this.#isAt(literal) : literal.isAt(this, at))) return false;
    this.at = at + literal.length;
    return true;
  }

  #isAt(literal: string): boolean {
    const { bytes, at } = this;
    for (let i = 0; i < literal.length; i++) {
      if (bytes[at + i] !== literal.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The first of these that is next; undefined, and a failure, if none is. */
  oneOf<Word extends string>(words: readonly Word[]): Word | undefined {
    const word = words.find((literal) => this.accept(literal));
    if (word === undefined) this.fail(words.map((literal) => `"${literal}"`).join(' or '));
    return word;
  }

  skipSpaces(): void {
    while (this.bytes[this.at] === SPACE) this.at++;
  }

  /** Passes over what is not a space. */
  skipWord(): void {
    while (this.at < this.end && this.bytes[this.at] !== SPACE) this.at++;
  }

  /** Decimal digits; exact below 2^53. */
  decimal(): number {
    const { bytes } = this;
    const from = this.at;
    let at = from;
    let value = 0;
    for (; isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] as number) - DIGIT_0;
    if (at === from) this.fail('a decimal number');
    else this.at = at;
    return value;
  }

  /** Decimal digits, after a minus sign perhaps. */
  signedDecimal(): number {
    return this.accept('-') ? -this.decimal() : this.decimal();
  }

  /** `0` or `1`. */
  flag(): boolean {
    const value = this.decimal();
    if (value > 1) this.fail('0 or 1');
    return value === 1;
  }

  /** Hexadecimal digits as a number from 0; exact below 2^53. */
  hex(): number {
    this.#readHex();
    return (this.#high >>> 0) * 2 ** 32 + (this.#low >>> 0);
  }

  /**
   * Hexadecimal digits as a signed 64-bit number: addresses of a kernel's half come out negative. A double holds every
   * canonical 48-bit address exactly this way, and no two addresses fall together; unsigned, 2,048 neighbours would.
   */
  address(): number {
    this.#readHex();
    return this.#high * 2 ** 32 + (this.#low >>> 0);
  }

  /** A kernel's pointer, hashed or not, with `0x` or without; 0 where the kernel would not say: `(null)`, `(____ptrval____)`. */
  pointer(): number {
    if (!this.accept('(')) return this.prefixedAddress();
    this.word(')');
    this.text(')');
    return 0;
  }

  /** The `0x` of `%#x`, which trace-cmd and perf leave out before a zero, and KVM before everything in some formats. */
  acceptPrefix(): void {
    this.accept('0x');
  }

  /** The same as `address`, after the prefix. */
  prefixedAddress(): number {
    this.acceptPrefix();
    return this.address();
  }

  /** Hexadecimal digits as the two halves of a 64-bit value. */
  halves(): Halves {
    this.#readHex();
    return { low: this.#low, high: this.#high };
  }

  /** The text before `literal`; the cursor moves behind `literal`. */
  stringBefore(literal: string): string {
    const { bytes, end } = this;
    const from = this.at;
    const first = literal.charCodeAt(0);
    for (let at = from; at < end; at++) {
      if (bytes[at] !== first) continue;
      this.at = at;
      if (this.accept(literal)) {
        return this.#strings.find(bytes, from, at) ?? decodeText(bytes, from, at);
      }
    }
    this.fail(`"${literal}"`);
    return '';
  }

  /** The text up to `stop`, a space or the end of the line. */
  word(stop: string): string {
    const { bytes, at: from, end } = this;
    const code = stop.charCodeAt(0);
    while (this.at < end && bytes[this.at] !== code && bytes[this.at] !== SPACE) this.at++;
    return this.#strings.find(bytes, from, this.at) ?? decodeText(bytes, from, this.at);
  }

  /** All that is left of the line. */
  rest(): string {
    const { bytes, at, end } = this;
    this.at = end;
    return this.#strings.find(bytes, at, end) ?? decodeText(bytes, at, end);
  }

  /** The decimal digits themselves, of a number that a double may not hold. */
  digits(): string {
    const from = this.at;
    this.decimal();
    return decodeText(this.bytes, from, this.at);
  }

  #readHex(): void {
    const { bytes } = this;
    const from = this.at;
    let at = from;
    let low = 0;
    let high = 0;
    for (; ; at++) {
      const digit = HEX[bytes[at] as number];
      if (digit === undefined || digit < 0) break;
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
    }
    this.#low = low;
    this.#high = high;
    const digits = at - from;
    if (digits === 0 || digits > MAX_HEX_DIGITS) this.fail('1 to 16 hexadecimal digits');
    else this.at = at;
  }
}
