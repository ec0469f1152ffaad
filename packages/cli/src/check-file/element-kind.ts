// The four kinds of array that shared memory is seen through, and how their elements travel as two 32-bit halves.
import type { Answer } from '@faultline/atomics';

export type SharedKind = 'Int32Array' | 'Uint32Array' | 'BigInt64Array' | 'BigUint64Array';
export type Element = number | bigint;
/** Any of them, as the realm of the user's code has it. */
export type NativeArray = {
  [index: number]: Element;
  readonly length: number;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly buffer: SharedArrayBuffer;
};
export type NativeConstructor = new (...args: unknown[]) => NativeArray;

export class ElementKind {
  readonly name: SharedKind;
  readonly bytes: 4 | 8;
  /** Makes an array that is not shared. */
  readonly native: NativeConstructor;
  /** One element and its halves: converts as an assignment to an element does, exceptions included. */
  readonly #element: NativeArray;
  readonly #halves: Int32Array;

  constructor(name: SharedKind, native: NativeConstructor) {
    this.name = name;
    this.bytes = name.startsWith('Big') ? 8 : 4;
    this.native = native;
    this.#element = new native(new ArrayBuffer(8), 0, 1);
    this.#halves = new Int32Array(this.#element.buffer);
  }

  /** The arguments that a value makes for an operation. */
  encode(value: unknown): number[] {
    this.#element[0] = value as Element;
    const [low = 0, high = 0] = this.#halves;
    return this.bytes === 8 ? [low, high] : [low];
  }

  /** Of the negative of `value`. */
  encodeNegative(value: unknown): number[] {
    const element = this.convert(value);
    return this.encode(typeof element === 'bigint' ? -element : -element);
  }

  decode({ low, high }: Answer): Element {
    this.#halves[0] = low;
    this.#halves[1] = high;
    return this.#element[0] as Element;
  }

  convert(value: unknown): Element {
    this.#element[0] = value as Element;
    return this.#element[0] as Element;
  }
}
