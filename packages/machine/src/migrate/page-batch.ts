// Pages on their way into one record: copied out of the guest once, into the very buffer that is sent.
import { BATCH_PAGES, HEAD_BYTES } from './stream.ts';

/** Where a page's contents come from. */
export interface PageReader {
  /** Copies page `hvn` to `into` at byte `at`. False, and nothing copied, where there is none: it is zero. */
  copyPage(hvn: number, into: Uint8Array, at: number): boolean;
}

/** The hvns come before the contents, and how many there will be is not known: so the contents have a place of their own. */
const CONTENTS_AT: number = HEAD_BYTES + 4 + BATCH_PAGES * 4;

export class PageBatch {
  readonly #pageSize: number;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #hvns = new Uint32Array(BATCH_PAGES);
  #count = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
    this.#bytes = new Uint8Array(CONTENTS_AT + BATCH_PAGES * pageSize);
    this.#words = new Int32Array(this.#bytes.buffer);
  }

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Takes a page in, unless it is zero: then it answers false. */
  add(reader: PageReader, hvn: number): boolean {
    const at = CONTENTS_AT + this.#count * this.#pageSize;
    // First copied, then looked at: the guest may write the page meanwhile, and what was looked at is what is sent.
    if (!reader.copyPage(hvn, this.#bytes, at)) return false;
    if (isZero(this.#words, at >> 2, (at + this.#pageSize) >> 2)) return false;
    this.#hvns[this.#count++] = hvn;
    return true;
  }

  /** Contents, to be compressed. */
  get contents(): Uint8Array {
    return this.#bytes.subarray(CONTENTS_AT, CONTENTS_AT + this.#count * this.#pageSize);
  }

  /** Room for a head, then the payload. */
  record(): Uint8Array {
    const from = CONTENTS_AT - this.#count * 4 - 4 - HEAD_BYTES;
    this.#writeList(this.#bytes, from + HEAD_BYTES);
    return this.#bytes.subarray(from, CONTENTS_AT + this.#count * this.#pageSize);
  }

  /** The same with `contents` in place of the batch's own. */
  recordOf(contents: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(HEAD_BYTES + 4 + this.#count * 4 + contents.length);
    this.#writeList(bytes, HEAD_BYTES);
    bytes.set(contents, HEAD_BYTES + 4 + this.#count * 4);
    return bytes;
  }

  #writeList(bytes: Uint8Array, at: number): void {
    const view = new DataView(bytes.buffer);
    view.setUint32(at, this.#count, true);
    for (let page = 0; page < this.#count; page++) {
      view.setUint32(at + 4 + page * 4, this.#hvns[page] as number, true);
    }
  }
}

/** A multiple of 4 words. Most pages are not zero, and say so in their first words. */
function isZero(words: Int32Array, from: number, end: number): boolean {
  for (let word = from; word < end; word += 4) {
    const a = (words[word] as number) | (words[word + 1] as number);
    const b = (words[word + 2] as number) | (words[word + 3] as number);
    if ((a | b) !== 0) return false;
  }
  return true;
}
