// Every state met, exactly: an open-addressed table over rows of int32. A row knew as many slots as there were when it was
// stored; when slots are added, rows are laid out anew with the first value of each.
import { doubled, type State } from './state.ts';

const FIRST_TABLE = 1 << 12;

export class StateStore {
  size = 0;
  #stride: number;
  #rows: Int32Array<ArrayBuffer>;
  #hashes = new Int32Array(FIRST_TABLE);
  #table = new Int32Array(FIRST_TABLE);

  constructor(state: State) {
    this.#stride = state.width;
    this.#rows = new Int32Array(Math.max(1, this.#stride) * 1024);
  }

  /** The number of `row` (of `state`'s width and hash), which is stored if it is new: then `wasNew` says so. */
  insert(state: State, row: Int32Array): number {
    if (state.width > this.#stride) this.#widen(state);
    if ((this.size + 1) * 2 > this.#table.length) this.#rehash();
    const mask = this.#table.length - 1;
    const { hash } = state;
    let at = (hash ^ (hash >>> 16)) & mask;
    for (; ; at = (at + 1) & mask) {
      const entry = this.#table[at] as number;
      if (entry === 0) break;
      if (this.#hashes[entry - 1] === hash && this.#isRow(entry - 1, row)) {
        this.wasNew = false;
        return entry - 1;
      }
    }
    this.wasNew = true;
    this.#table[at] = this.size + 1;
    this.#append(row, hash);
    return this.size++;
  }
  wasNew = false;

  /** Makes `state` what row `index` says. */
  restore(state: State, index: number): void {
    state.load(this.#rows, index * this.#stride, this.#stride, this.#hashes[index] as number);
  }

  get bytes(): number {
    return 4 * (this.#rows.length + this.#hashes.length + this.#table.length);
  }
  get bytesPerState(): number {
    return 4 * (this.#stride + 1) + 4 * Math.min(4, this.#table.length / Math.max(1, this.size));
  }

  #isRow(index: number, row: Int32Array): boolean {
    const from = index * this.#stride;
    for (let slot = 0; slot < this.#stride; slot++) {
      if (this.#rows[from + slot] !== row[slot]) return false;
    }
    return true;
  }

  #append(row: Int32Array, hash: number): void {
    const from = this.size * this.#stride;
    if (from + this.#stride > this.#rows.length) this.#rows = doubled(this.#rows);
    if (this.size === this.#hashes.length) this.#hashes = doubled(this.#hashes);
    for (let slot = 0; slot < this.#stride; slot++) this.#rows[from + slot] = row[slot] as number;
    this.#hashes[this.size] = hash;
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let index = 0; index < this.size; index++) {
      const hash = this.#hashes[index] as number;
      let at = (hash ^ (hash >>> 16)) & mask;
      while (this.#table[at] !== 0) at = (at + 1) & mask;
      this.#table[at] = index + 1;
    }
  }

  #widen(state: State): void {
    const { width } = state;
    const rows = new Int32Array(Math.max(1024, this.size * 2) * width);
    for (let index = 0; index < this.size; index++) {
      const old = this.#rows.subarray(index * this.#stride, (index + 1) * this.#stride);
      rows.set(old, index * width);
      rows.set(state.first.subarray(this.#stride, width), index * width + this.#stride);
    }
    this.#rows = rows;
    this.#stride = width;
  }
}
