// A load that is known by rates only: somebody measured how many pages were dirty after so many seconds, and not which.
//
// The curve goes through what was measured. For shorter times it is a power of the time: 1, a constant rate, where
// all was measured over one length; less where the samples show that longer times do not find as many more pages; but for samples
// of three lengths or more that show pages being used up (saturation.ts). For longer
// times it goes on at that slope, and bends down as pages are left that were not written yet.
import type { DirtyLoad } from './dirty-load.ts';
import { saturation } from './saturation.ts';

/** So many pages were found dirty so long after they had been watched. */
export interface RatePoint {
  readonly seconds: number;
  readonly pages: number;
}

export class RateLoad implements DirtyLoad {
  readonly pageSize: number;
  readonly memoryPages: number;
  readonly leastSeconds: number;
  readonly watchedSeconds: number;
  readonly windows: number;
  /** By length, rising; one for each length. */
  readonly #points: readonly RatePoint[];
  readonly #power: number;
  /** For times that are shorter than any sample. */
  readonly #shorter: (seconds: number) => number;
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
    this.leastSeconds = Math.min(...sound.map(({ seconds }) => seconds));
    this.#power = powerOf(sound);
    const [first] = this.#points as readonly [RatePoint];
    this.#shorter =
      saturation(this.#points) ??
      ((seconds) => first.pages * (seconds / first.seconds) ** this.#power);
    this.#factors = sound.map(({ seconds, pages }) => {
      const mean = this.#mean(seconds);
      return mean === 0 ? 1 : pages / mean;
    });
  }

  written(seconds: number, at: number): number {
    const factor = this.#factors[this.#sample(at)] as number;
    return Math.min(this.memoryPages, factor * this.#mean(seconds));
  }

  #sample(at: number): number {
    return Math.floor(((at / this.watchedSeconds) % 1) * this.windows);
  }

  #mean(seconds: number): number {
    const [first] = this.#points as readonly [RatePoint];
    if (seconds <= first.seconds) return this.#shorter(seconds);
    let before = first;
    for (const point of this.#points) {
      if (seconds <= point.seconds) {
        const part = (seconds - before.seconds) / (point.seconds - before.seconds);
        return before.pages + part * (point.pages - before.pages);
      }
      before = point;
    }
    const left = this.memoryPages - before.pages;
    if (left <= 0) return this.memoryPages;
    const slope = (this.#power * before.pages) / before.seconds;
    return before.pages + left * (1 - Math.exp((-slope * (seconds - before.seconds)) / left));
  }
}

/** Lengths that differ by less count as one. */
const SAME_LENGTH = 1.05;
/** Of the power: where the samples scatter more, they say nothing of it. */
const MOST_ERROR = 0.3;
/** Two samples have no scatter: they must be of lengths that differ. */
const LEAST_SPREAD = 1.2;

/** The mean of the samples of each length, and never falling. */
function curveOf(samples: readonly RatePoint[]): RatePoint[] {
  const groups: RatePoint[][] = [];
  for (const sample of [...samples].sort((a, b) => a.seconds - b.seconds)) {
    const group = groups.at(-1);
    const shortest = group?.[0]?.seconds ?? 0;
    if (group !== undefined && sample.seconds < shortest * SAME_LENGTH) group.push(sample);
    else groups.push([sample]);
  }
  let most = 0;
  return groups.map((group) => {
    most = Math.max(most, meanOf(group.map(({ pages }) => pages)));
    return { seconds: meanOf(group.map(({ seconds }) => seconds)), pages: most };
  });
}

/** The slope of log pages over log seconds, between 0 and 1; 1 where the samples do not say. */
function powerOf(samples: readonly RatePoint[]): number {
  const points = samples.filter(({ pages }) => pages > 0);
  const x = points.map(({ seconds }) => Math.log(seconds));
  const y = points.map(({ pages }) => Math.log(pages));
  const [meanX, meanY] = [meanOf(x), meanOf(y)];
  const spread = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  if (spread === 0) return 1;
  const slope =
    x.reduce((sum, value, i) => sum + (value - meanX) * ((y[i] ?? 0) - meanY), 0) / spread;
  const power = Math.min(1, Math.max(0, slope));
  if (points.length === 2) {
    return Math.max(...x) - Math.min(...x) < Math.log(LEAST_SPREAD) ? 1 : power;
  }
  const residual = x.reduce(
    (sum, value, i) => sum + ((y[i] ?? 0) - meanY - slope * (value - meanX)) ** 2,
    0,
  );
  return Math.sqrt(residual / (points.length - 2) / spread) > MOST_ERROR ? 1 : power;
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
