// How fast pages may leave, and that everything else gets its turn meanwhile.
import type { Clock } from './channel.ts';

const TURN_MS = 8;
const STEP_MS = 100;

export class Pacer {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  #from: number;
  #bytes = 0;
  #turnEnds: number;

  /** `bytesPerSecond`: at most; undefined: as fast as the connection takes them. */
  constructor(clock: Clock, bytesPerSecond: number | undefined) {
    this.#clock = clock;
    this.#bytesPerMs = (bytesPerSecond ?? Number.POSITIVE_INFINITY) / 1000;
    this.#from = clock.now();
    this.#turnEnds = this.#from + TURN_MS;
  }

  /** How much may leave before the next look at the clock. */
  get bytesPerStep(): number {
    return this.#bytesPerMs * STEP_MS;
  }

  /** After work of `bytes` (0: none left, but it took time). What was not used in the past is not saved up. */
  async pace(bytes: number): Promise<void> {
    const now = this.#clock.now();
    this.#bytes += bytes;
    const due = this.#from + this.#bytes / this.#bytesPerMs;
    if (due > now + 1) {
      await this.#clock.sleep(due - now);
    } else if (now > this.#turnEnds) {
      await this.#clock.sleep(0);
      this.#turnEnds = this.#clock.now() + TURN_MS;
    }
    if (due < now) {
      this.#from = now;
      this.#bytes = 0;
    }
  }
}
