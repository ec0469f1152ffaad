// How much one vCPU stood still, over time: a fixed number of equal slices, doubled in length whenever the trace outgrows them.
// A round of the dirty log is known only after it has ended, and then its stall is the sum of its slices.

const SLICES = 8192;
/** In the trace's time: microseconds, or ticks. */
const FIRST_LENGTH = 64;

export class StallTimeline {
  #length = FIRST_LENGTH;
  readonly #start: number;
  readonly #slices = new Float64Array(SLICES);

  /** `start` is the first time that will ever come, or near it: what lies before counts as then. */
  constructor(start: number) {
    this.#start = start;
  }

  /** Length of a slice by now: a sum over times may be off by as much as the vCPU stood still in the slices at its two ends. */
  get precision(): number {
    return this.#length;
  }

  add(from: number, to: number): void {
    while (to - this.#start >= this.#length * SLICES) this.#double();
    let at = Math.max(0, from - this.#start);
    const end = Math.max(0, to - this.#start);
    for (let slice = Math.floor(at / this.#length); at < end; slice++) {
      const next = Math.min(end, (slice + 1) * this.#length);
      this.#slices[slice] = (this.#slices[slice] as number) + next - at;
      at = next;
    }
  }

  /** Of the time between; a slice that is cut counts by its part. */
  sum(from: number, to: number): number {
    let total = 0;
    const length = this.#length;
    const begin = Math.max(0, from - this.#start);
    const end = Math.min(Math.max(0, to - this.#start), length * SLICES);
    for (let slice = Math.floor(begin / length); slice * length < end; slice++) {
      const part = Math.min(end, (slice + 1) * length) - Math.max(begin, slice * length);
      total += ((this.#slices[slice] as number) * part) / length;
    }
    return total;
  }

  #double(): void {
    const slices = this.#slices;
    for (let slice = 0; slice < SLICES / 2; slice++) {
      slices[slice] = (slices[2 * slice] as number) + (slices[2 * slice + 1] as number);
    }
    slices.fill(0, SLICES / 2);
    this.#length *= 2;
  }
}
