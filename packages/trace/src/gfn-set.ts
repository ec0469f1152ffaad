// A set of guest pages: a bit each, in pieces of 32,768 pages that are made when the first of them comes. A VM of 64 GiB,
// written everywhere, takes 2 MiB.

const PIECE_PAGES = 32_768;

/** Guest page numbers, whole and from 0, in ascending order when iterated. */
export class GfnSet implements Iterable<number> {
  readonly #pieces = new Map<number, Int32Array>();
  #size = 0;

  constructor(gfns: Iterable<number> = []) {
    this.addAll(gfns);
  }

  get size(): number {
    return this.#size;
  }

  has(gfn: number): boolean {
    const piece = this.#pieces.get(Math.floor(gfn / PIECE_PAGES));
    if (piece === undefined) return false;
    const page = gfn % PIECE_PAGES;
    return (((piece[page >> 5] as number) >>> (page & 31)) & 1) !== 0;
  }

  /** Was it new? */
  add(gfn: number): boolean {
    const index = Math.floor(gfn / PIECE_PAGES);
    let piece = this.#pieces.get(index);
    if (piece === undefined) {
      piece = new Int32Array(PIECE_PAGES / 32);
      this.#pieces.set(index, piece);
    }
    const page = gfn % PIECE_PAGES;
    const word = piece[page >> 5] as number;
    const next = word | (1 << (page & 31));
    if (next === word) return false;
    piece[page >> 5] = next;
    this.#size++;
    return true;
  }

  addAll(gfns: Iterable<number>): void {
    for (const gfn of gfns) this.add(gfn);
  }

  clear(): void {
    this.#pieces.clear();
    this.#size = 0;
  }

  *[Symbol.iterator](): Generator<number> {
    for (const index of [...this.#pieces.keys()].sort((a, b) => a - b)) {
      const piece = this.#pieces.get(index) as Int32Array;
      for (let word = 0; word < piece.length; word++) {
        for (let bits = piece[word] as number; bits !== 0; bits &= bits - 1) {
          yield index * PIECE_PAGES + word * 32 + 31 - Math.clz32(bits & -bits);
        }
      }
    }
  }
}
