// QEMU's auto-converge, with its parameters' defaults: when the guest wrote more than half of what was sent, for the second time since
// it was throttled last, its vCPUs are throttled more. KVM knows nothing of it. QEMU: migration_trigger_throttle,
// mig_throttle_guest_down.

const INITIAL = 20; // cpu-throttle-initial
const INCREMENT = 10; // cpu-throttle-increment
const MOST = 99; // max-cpu-throttle
const TRIGGER = 0.5; // throttle-trigger-threshold
const HIGH_COUNT = 2;

export class Throttle {
  /** 0 to 99. */
  percent = 0;
  readonly #leastSeconds: number;
  #seconds = 0;
  #sent = 0;
  #dirty = 0;
  #high = 0;

  /** Shorter rounds are judged together: QEMU's are at least a second long. */
  constructor(leastSeconds: number) {
    this.#leastSeconds = leastSeconds;
  }

  /** `dirtyPages`: that were clean before. */
  afterRound(sentPages: number, dirtyPages: number, seconds: number): void {
    this.#seconds += seconds;
    this.#sent += sentPages;
    this.#dirty += dirtyPages;
    if (this.#seconds < this.#leastSeconds) return;
    if (this.#dirty > this.#sent * TRIGGER) this.#high++;
    this.#seconds = this.#sent = this.#dirty = 0;
    if (this.#high < HIGH_COUNT) return;
    this.#high = 0;
    this.percent = this.percent === 0 ? INITIAL : Math.min(MOST, this.percent + INCREMENT);
  }
}
