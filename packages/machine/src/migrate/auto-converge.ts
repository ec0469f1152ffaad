// When the guest writes faster than the connection carries: its vCPUs are slowed down, more each time. QEMU: auto-converge,
// with its parameters' defaults and its rule (throttle_trigger_threshold 50 %, and twice, with other rounds between them or not).

const INITIAL = 20; // cpu-throttle-initial
const INCREMENT = 10; // cpu-throttle-increment
const MOST = 99; // max-cpu-throttle
const TRIGGER = 0.5; // throttle-trigger-threshold
const HIGH_COUNT = 2;

export class AutoConverge {
  #percent = 0;
  #high = 0;

  /** 0 to 99. */
  get percent(): number {
    return this.#percent;
  }

  /** After a round that sent `sentBytes` while `dirtyBytes` were written. True when `percent` has changed. */
  afterRound(sentBytes: number, dirtyBytes: number): boolean {
    if (dirtyBytes > sentBytes * TRIGGER) this.#high++;
    if (this.#high < HIGH_COUNT || this.#percent === MOST) return false;
    this.#high = 0;
    this.#percent = this.#percent === 0 ? INITIAL : Math.min(MOST, this.#percent + INCREMENT);
    return true;
  }
}
