// The state of a search: one int32 per slot (a node for each thread, then every cell that was ever written), with a
// journal for undo and a hash that is kept up to date. A slot at its first value adds nothing to the hash, so that slots may
// be added in the middle of a search.

const FIRST_CAPACITY = 64;
const FIRST_JOURNAL = 1024;

export class State {
  /** Slots in use. */
  width = 0;
  values: Int32Array<ArrayBuffer> = new Int32Array(FIRST_CAPACITY);
  first: Int32Array<ArrayBuffer> = new Int32Array(FIRST_CAPACITY);
  hash = 0;
  #salts = new Int32Array(FIRST_CAPACITY);
  #journal = new Int32Array(FIRST_JOURNAL);
  #length = 0;

  /** A new slot that has always held `value`. Slots with one `salt` may trade places without changing the hash. */
  addSlot(value: number, salt: number = this.width): number {
    if (this.width === this.values.length) this.#grow();
    const slot = this.width++;
    this.values[slot] = value;
    this.first[slot] = value;
    this.#salts[slot] = Math.imul(salt + 1, 0x9e37_79b1);
    return slot;
  }

  set(slot: number, value: number): void {
    const old = this.values[slot] as number;
    if (old === value) return;
    if (this.#length + 2 > this.#journal.length) this.#journal = doubled(this.#journal);
    this.#journal[this.#length++] = slot;
    this.#journal[this.#length++] = old;
    this.#put(slot, old, value);
  }

  /** A point to come back to. */
  mark(): number {
    return this.#length;
  }

  undoTo(mark: number): void {
    while (this.#length > mark) {
      const old = this.#journal[--this.#length] as number;
      const slot = this.#journal[--this.#length] as number;
      this.#put(slot, this.values[slot] as number, old);
    }
  }

  /** Back to the first state, as slots are known now. */
  reset(): void {
    this.values.set(this.first.subarray(0, this.width));
    this.hash = 0;
    this.#length = 0;
  }

  /** Becomes the state stored at `from`, which knew `width` slots. Not undone. */
  load(vector: Int32Array, from: number, width: number, hash: number): void {
    for (let slot = 0; slot < width; slot++) this.values[slot] = vector[from + slot] as number;
    for (let slot = width; slot < this.width; slot++) {
      this.values[slot] = this.first[slot] as number;
    }
    this.hash = hash;
    this.#length = 0;
  }

  /** What `slot` held when the journal was `mark` long, if it changed from there to `end`. */
  changedBetween(mark: number, end: number, slot: number): number | undefined {
    for (let at = mark; at < end; at += 2) {
      if (this.#journal[at] === slot) return this.#journal[at + 1];
    }
    return undefined;
  }

  /** Slots changed since `mark`, oldest change first; a slot may come twice. */
  changes(mark: number, visit: (slot: number, old: number) => void): void {
    for (let at = mark; at < this.#length; at += 2) {
      visit(this.#journal[at] as number, this.#journal[at + 1] as number);
    }
  }

  #put(slot: number, old: number, value: number): void {
    const salt = this.#salts[slot] as number;
    this.hash = (this.hash + mixed(salt, value) - mixed(salt, old)) | 0;
    this.values[slot] = value;
  }

  #grow(): void {
    this.values = doubled(this.values);
    this.first = doubled(this.first);
    this.#salts = doubled(this.#salts);
  }
}

const mixed = (salt: number, value: number): number => {
  let h = Math.imul(value ^ salt, 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2_ae35);
  return h ^ (h >>> 13);
};

export function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
