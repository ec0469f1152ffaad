// The pages that are still to be sent, while the guest writes: all of its memory at first.
import type { DirtyLoad } from './dirty-load.ts';

/** When a page is watched again: since the harvest that found it, or since its turn to be sent came. */
export type Protection = 'by-harvest' | 'when-sent';

const STEPS = 16;

export class DirtyPages {
  #pages: number;
  /** How long they were written in, in seconds of a running guest. Undefined: they are all of its memory. */
  #foundIn: number | undefined;
  readonly #load: DirtyLoad;
  readonly #protection: Protection;

  constructor(load: DirtyLoad, protection: Protection) {
    this.#load = load;
    this.#protection = protection;
    this.#pages = load.memoryPages;
  }

  get pages(): number {
    return this.#pages;
  }

  /**
   * So many of them are sent while the guest runs for so many seconds, then the log is harvested. Answers how many became dirty
   * that were clean: sent ones again, and others. `at` as for DirtyLoad.
   */
  send(sent: number, seconds: number, at: number): number {
    const left = this.#pages - sent;
    const again =
      this.#protection === 'by-harvest' ? this.again(seconds, at) : this.meanAgain(seconds, at);
    const fresh = Math.min(this.#load.memoryPages - left, this.others(seconds, at) + sent * again);
    this.#pages = left + fresh;
    this.#foundIn =
      this.#pages === 0
        ? seconds
        : (left * (this.#foundIn ?? seconds) + fresh * seconds) / this.#pages;
    return fresh;
  }

  /** Clean pages that are written within `seconds`. */
  others(seconds: number, at: number): number {
    return Math.max(0, this.#load.written(seconds, at) - this.#pages * this.again(seconds, at));
  }

  /**
   * The share of them that is written again within `seconds` after they were found. In two stretches of time that follow each
   * other as many pages are written as in both together, but for those that are written in both: the curve says how many.
   */
  again(seconds: number, at: number): number {
    const written = this.#load.written(seconds, at);
    // A page of all is as likely to be written as any other.
    if (this.#foundIn === undefined) return this.#pages === 0 ? 0 : written / this.#pages;
    const found = this.#load.written(this.#foundIn, at);
    if (found === 0 || this.#pages === 0) return 0;
    const inBoth = found + written - this.#load.written(this.#foundIn + seconds, at);
    return Math.min(1, Math.max(0, inBoth / found), written / this.#pages);
  }

  /** The same, where each of them is watched from another moment of the `seconds` on. */
  meanAgain(seconds: number, at: number): number {
    let sum = 0;
    for (let step = 0; step < STEPS; step++) {
      sum += this.again((seconds * (step + 0.5)) / STEPS, at);
    }
    return sum / STEPS;
  }
}
