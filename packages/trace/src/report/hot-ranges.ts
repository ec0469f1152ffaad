// Which guest memory faults most, in bounded memory: ranges of equal size, doubled whenever there are too many of them.

const FIRST_PAGES = 16;
const MOST = 4096;
/** As many as a reader wants to see. */
const SHOWN = 64;

export interface HotRange {
  readonly firstGfn: number;
  /** Inclusive. */
  readonly lastGfn: number;
  readonly faults: number;
  readonly fast: number;
  readonly stall: number;
}

interface Tally {
  firstGfn: number;
  lastGfn: number;
  faults: number;
  fast: number;
  stall: number;
}

export class HotRanges {
  #pages = FIRST_PAGES;
  #ranges = new Map<number, Tally>();

  add(gfn: number, isFast: boolean, stall: number): void {
    const index = Math.floor(gfn / this.#pages);
    let range = this.#ranges.get(index);
    if (range === undefined) {
      range = { firstGfn: gfn, lastGfn: gfn, faults: 0, fast: 0, stall: 0 };
      this.#ranges.set(index, range);
    }
    range.firstGfn = Math.min(range.firstGfn, gfn);
    range.lastGfn = Math.max(range.lastGfn, gfn);
    range.faults++;
    if (isFast) range.fast++;
    range.stall += stall;
    if (this.#ranges.size > MOST) this.#double();
  }

  /** At most 64 ranges, the one that cost most first; `part` brings stalls to the report's unit. */
  ranked(part: number): readonly HotRange[] {
    while (this.#ranges.size > SHOWN) this.#double();
    const ranges = [...this.#ranges.values()].map((of) => ({ ...of, stall: part * of.stall }));
    return ranges.sort((a, b) => b.stall - a.stall || b.faults - a.faults);
  }

  #double(): void {
    const old = this.#ranges;
    this.#pages *= 2;
    this.#ranges = new Map();
    for (const range of old.values()) {
      const index = Math.floor(range.firstGfn / this.#pages);
      const into = this.#ranges.get(index);
      if (into === undefined) this.#ranges.set(index, range);
      else merge(into, range);
    }
  }
}

function merge(into: Tally, range: Tally): void {
  into.firstGfn = Math.min(into.firstGfn, range.firstGfn);
  into.lastGfn = Math.max(into.lastGfn, range.lastGfn);
  into.faults += range.faults;
  into.fast += range.fast;
  into.stall += range.stall;
}
