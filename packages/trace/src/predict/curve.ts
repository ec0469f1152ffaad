// How many things have happened by a time: rises, from 0.

/** Points that are kept of one curve: between them it is straight. */
const MOST_POINTS = 512;

/** What is known of pages that no window has shown yet. */
export interface Unseen {
  /** Windows that the curve is made of. */
  readonly windows: number;
  /** Pages that exactly one of them showed, and exactly two. */
  readonly once: number;
  readonly twice: number;
  /** No more than these can be unseen. */
  readonly most: number;
}

export class Curve {
  /** Up to here it is known, and from here on extrapolated. */
  readonly seconds: number;
  readonly total: number;
  readonly #times: Float64Array;
  readonly #unseen: Unseen;

  /** `times`: when each happened, ascending; up to `seconds`. */
  constructor(times: Float64Array, seconds: number, unseen: Unseen) {
    this.seconds = seconds;
    this.total = times.length;
    this.#unseen = unseen;
    this.#times = sampled(times);
  }

  at(seconds: number): number {
    if (seconds > this.seconds) return this.total + this.#later(seconds);
    if (this.total === 0) return 0;
    const times = this.#times;
    const last = times.length - 1;
    if (seconds >= (times[last] as number)) return this.total;
    return (this.total * positionOf(times, seconds)) / last;
  }

  /**
   * Pages that will be seen for the first time after the recording: Chao's estimate of how many there are, from those seen
   * once and twice, and how fast they come (Colwell and others 2012, Bernoulli product model, eq. 18).
   */
  #later(seconds: number): number {
    const { windows, once, twice, most } = this.#unseen;
    if (once === 0 || most <= 0 || windows === 0) return 0;
    const estimate = twice > 0 ? once ** 2 / (2 * twice) : (once * (once - 1)) / 2;
    const unseen = Math.min(most, windows > 1 ? ((windows - 1) / windows) * estimate : most);
    if (unseen === 0) return 0;
    const more = ((seconds - this.seconds) / this.seconds) * windows;
    return unseen * (1 - (1 - once / (windows * unseen + once)) ** more);
  }
}

/** Its first and last, and others evenly between. */
function sampled(times: Float64Array): Float64Array {
  if (times.length <= MOST_POINTS) return Float64Array.of(0, ...times);
  const points = new Float64Array(MOST_POINTS + 1);
  for (let i = 1; i <= MOST_POINTS; i++) {
    points[i] = times[Math.ceil((i * times.length) / MOST_POINTS) - 1] as number;
  }
  return points;
}

/** Where `value` lies between the points, in steps; they ascend from 0. */
function positionOf(points: Float64Array, value: number): number {
  let from = 0;
  let to = points.length - 1;
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if ((points[middle] as number) <= value) from = middle;
    else to = middle;
  }
  const low = points[from] as number;
  const high = points[to] as number;
  return high === low ? to : from + Math.min(1, Math.max(0, (value - low) / (high - low)));
}
