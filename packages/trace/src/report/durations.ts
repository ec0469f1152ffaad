// Many durations in little memory. The first EXACT_BELOW of them are kept, so that few give exact quantiles; from then on each falls
// into one of BUCKETS buckets, 64 to an octave, and a quantile is the middle of its bucket: off by 1/128 (0.8 %) at most.
// Count, sum and maximum are always exact.

export const EXACT_BELOW = 2048;
/** Below this each whole number has a bucket of its own. */
const LINEAR = 128;
const PER_OCTAVE = LINEAR / 2;
/** Up to 2^53 ns, a hundred days. */
const BUCKETS = LINEAR + 46 * PER_OCTAVE;

/** How far a quantile may be off, as a share of itself, once there are more than a couple of thousand durations. */
export const QUANTILE_ERROR: number = 1 / LINEAR;

export class Durations {
  count = 0;
  sum = 0;
  max = 0;
  #few: number[] | undefined = [];
  #buckets: Uint32Array | undefined;

  /** A whole number from 0, nanoseconds or ticks. */
  add(value: number): void {
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
    if (this.#few === undefined) this.#bucket(value);
    else if (this.#few.push(value) === EXACT_BELOW) this.#spill(this.#few);
  }

  /** The value that a share `q` of all is not above; NaN of none. */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.count));
    if (this.#few !== undefined) {
      const sorted = this.#few.toSorted((a, b) => a - b);
      return sorted[rank - 1] ?? Number.NaN;
    }
    let seen = 0;
    for (const [index, count] of (this.#buckets ?? []).entries()) {
      seen += count;
      if (seen >= rank) return Math.min(middleOf(index), this.max);
    }
    return Number.NaN;
  }

  #spill(few: readonly number[]): void {
    this.#buckets = new Uint32Array(BUCKETS);
    this.#few = undefined;
    for (const value of few) this.#bucket(value);
  }

  #bucket(value: number): void {
    const index = bucketOf(value);
    const buckets = this.#buckets as Uint32Array;
    buckets[index] = (buckets[index] as number) + 1;
  }
}

function bucketOf(value: number): number {
  let octave = 0;
  let rest = value;
  for (; rest >= LINEAR; octave++) rest /= 2;
  return octave * PER_OCTAVE + Math.floor(rest);
}

function middleOf(index: number): number {
  if (index < LINEAR) return index;
  const octave = Math.floor(index / PER_OCTAVE) - 1;
  const start = (index - octave * PER_OCTAVE) * 2 ** octave;
  return start + (2 ** octave - 1) / 2;
}
