// A load that is known by rates only: somebody measured how many pages were dirty after so many seconds, and not which. The
// curve goes through what was measured; beyond it, the pages written last are taken for spread evenly over all memory
// that was not written yet.
import type { DirtyLoad } from './dirty-load.ts';

/** So many pages were found dirty so long after they had been watched. */
export interface RatePoint {
  readonly seconds: number;
  readonly pages: number;
}

export class RateLoad implements DirtyLoad {
  readonly pageSize: number;
  readonly memoryPages: number;
  readonly watchedSeconds: number;
  readonly windows: number;
  /** By length, rising; one for each length. */
  readonly #points: readonly RatePoint[];
  /** How each sample stands to the curve. */
  readonly #factors: readonly number[];

  /** Throws a RangeError where no sample says anything. */
  constructor(samples: readonly RatePoint[], memoryPages: number, pageSize: number) {
    const sound = samples.filter(({ seconds, pages }) => seconds > 0 && pages >= 0);
    if (sound.length === 0) {
      throw new RangeError(`expected a sample that took time, got ${samples.length} that did not`);
    }
    this.memoryPages = memoryPages;
    this.pageSize = pageSize;
    this.windows = sound.length;
    this.watchedSeconds = sound.reduce((sum, { seconds }) => sum + seconds, 0);
    this.#points = curveOf(sound);
    this.#factors = sound.map(({ seconds, pages }) => {
      const mean = this.#mean(seconds);
      return mean === 0 ? 1 : pages / mean;
    });
  }

  written(seconds: number, at: number): number {
    const factor = this.#factors[this.#sample(at)] as number;
    return Math.min(this.memoryPages, factor * this.#mean(seconds));
  }

  /** Which pages, nobody has measured: a page is as likely to be written again as any other. */
  rewritten(seconds: number, at: number): number {
    return this.written(seconds, at) / this.memoryPages;
  }

  #sample(at: number): number {
    return Math.floor(((at / this.watchedSeconds) % 1) * this.windows);
  }

  #mean(seconds: number): number {
    let before: RatePoint = { seconds: 0, pages: 0 };
    let slope = 0;
    for (const point of this.#points) {
      slope = (point.pages - before.pages) / (point.seconds - before.seconds);
      if (seconds <= point.seconds) return before.pages + slope * (seconds - before.seconds);
      before = point;
    }
    const left = this.memoryPages - before.pages;
    if (left <= 0) return this.memoryPages;
    return before.pages + left * (1 - Math.exp((-slope * (seconds - before.seconds)) / left));
  }
}

/** The mean of the samples of each length, and never falling. */
function curveOf(samples: readonly RatePoint[]): RatePoint[] {
  const byLength = new Map<number, number[]>();
  for (const { seconds, pages } of samples) {
    const same = byLength.get(seconds);
    if (same === undefined) byLength.set(seconds, [pages]);
    else same.push(pages);
  }
  let most = 0;
  return [...byLength]
    .sort(([a], [b]) => a - b)
    .map(([seconds, pages]) => {
      most = Math.max(most, pages.reduce((sum, count) => sum + count, 0) / pages.length);
      return { seconds, pages: most };
    });
}
