// The few kinds of protobuf fields that Perfetto's track events need. A generated library would bring every message of a
// schema and make an object for each packet; this writes straight into one buffer, which is all that a stream of packets asks.
// docs: protobuf.dev/programming-guides/encoding

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const I64 = 1;
const FIRST_BYTES = 4096;

export class ProtoWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #at = 0;

  /** What was written; good until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  clear(): void {
    this.#at = 0;
  }

  /** A whole number from 0, below 2^53. */
  uint(field: number, value: number): void {
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + I64);
    this.#room(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  string(field: number, text: string): void {
    this.bytesField(field, encoder.encode(text));
  }

  /** Bytes, or an inner message. */
  bytesField(field: number, bytes: Uint8Array): void {
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Seven bits to a byte, lowest first. By division: a shift would cut at 32 bits. */
  #varint(value: number): void {
    this.#room(10);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
    }
    this.#bytes[this.#at++] = rest;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + bytes));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

const encoder = new TextEncoder();
