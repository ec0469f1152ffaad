// Bytes in, one value per distinct text out, so that a name which comes a million times is decoded once. Bounded: input
// that holds ever new names must not fill the memory.

interface Entry<Value> {
  readonly bytes: Uint8Array;
  readonly value: Value;
}

const utf8 = new TextDecoder();

/** The text of `bytes` from `from` up to, not including, `to`. */
export const decodeText = (bytes: Uint8Array, from: number, to: number): string =>
  utf8.decode(bytes.subarray(from, to));

export class ByteInterner<Value> {
  readonly #make: (text: string) => Value;
  readonly #limit: number;
  readonly #mask: number;
  readonly #slots: (Entry<Value> | undefined)[];
  #size = 0;

  /** `make` is called once per distinct text, for the first `limit` of them. */
  constructor(limit: number, make: (text: string) => Value) {
    this.#make = make;
    this.#limit = limit;
    // At most a quarter full, so that a probe ends soon.
    const slots = 2 ** Math.ceil(Math.log2(4 * limit));
    this.#mask = slots - 1;
    this.#slots = new Array(slots).fill(undefined);
  }

  /** The value of this text, or undefined when it is new and the table is full. */
  find(bytes: Uint8Array, from: number, to: number): Value | undefined {
    let hash = 0;
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const entry = this.#slots[slot];
      // Not slice(): a Buffer's is a view of bytes that are only lent.
      if (entry === undefined) return this.#add(slot, new Uint8Array(bytes.subarray(from, to)));
      if (isSame(entry.bytes, bytes, from, to)) return entry.value;
    }
  }

  #add(slot: number, bytes: Uint8Array): Value | undefined {
    if (this.#size === this.#limit) return undefined;
    this.#size++;
    const value = this.#make(decodeText(bytes, 0, bytes.length));
    this.#slots[slot] = { bytes, value };
    return value;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (known.length !== to - from) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[from + i]) return false;
  return true;
}
