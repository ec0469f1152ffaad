// A set of pages by hvn: one bit each.
export class PageSet {
  readonly #bits: Uint32Array;
  #size = 0;

  /** `pages`: how many hvns there are. */
  constructor(pages: number) {
    this.#bits = new Uint32Array(Math.ceil(pages / 32));
  }

  get size(): number {
    return this.#size;
  }

  has(hvn: number): boolean {
    return (((this.#bits[hvn >>> 5] as number) >>> (hvn & 31)) & 1) !== 0;
  }

  /** Was it new? */
  add(hvn: number): boolean {
    const word = this.#bits[hvn >>> 5] as number;
    const next = word | (1 << (hvn & 31));
    if (next >>> 0 === word) return false;
    this.#bits[hvn >>> 5] = next;
    this.#size++;
    return true;
  }

  delete(hvn: number): boolean {
    if (!this.has(hvn)) return false;
    this.#bits[hvn >>> 5] = (this.#bits[hvn >>> 5] as number) & ~(1 << (hvn & 31));
    this.#size--;
    return true;
  }

  /** The first page from `hvn` on that is in it. */
  next(hvn: number): number | undefined {
    let bits = (this.#bits[hvn >>> 5] ?? 0) & (-1 << (hvn & 31));
    for (let word = hvn >>> 5; word < this.#bits.length; bits = this.#bits[++word] ?? 0) {
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
    }
    return undefined;
  }

  /** As runs: first page, number of pages; `most` runs at a time. */
  *runs(most: number): Generator<number[], void> {
    let runs: number[] = [];
    for (let first = this.next(0); first !== undefined; ) {
      let end = first + 1;
      while (this.has(end)) end++;
      runs.push(first, end - first);
      if (runs.length === most * 2) {
        yield runs;
        runs = [];
      }
      first = this.next(end);
    }
    if (runs.length > 0) yield runs;
  }

  /** Empties it and answers what was in it, ascending. */
  take(): Uint32Array {
    const all = new Uint32Array(this.#size);
    let next = 0;
    for (let word = 0; word < this.#bits.length; word++) {
      for (let bits = this.#bits[word] as number; bits !== 0; bits &= bits - 1) {
        all[next++] = word * 32 + 31 - Math.clz32(bits & -bits);
      }
    }
    this.#bits.fill(0);
    this.#size = 0;
    return all;
  }
}
