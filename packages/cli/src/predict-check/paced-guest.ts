// A guest that writes by the clock, so many pages a second in a pattern of its own: how much it writes does not depend on how
// busy the machine is, as that of a guest on a thread does.
import { createVm, type Vm } from '@faultline/machine';

const PAGE = 4096;

/** Which page next, of `pages`; `random` answers from 0 up to 1. */
type Pattern = (pages: number, random: () => number, written: number) => number;

export type PatternName = 'random' | 'hot set' | 'zipf' | 'sweep';

const PATTERNS: Readonly<Record<PatternName, Pattern>> = {
  random: (pages, random) => Math.floor(random() * pages),
  'hot set': (pages, random) => Math.floor((random() < 0.9 ? HOT : 1) * random() * pages),
  zipf: (pages, random) => Math.floor((pages + 1) ** random()) - 1,
  sweep: (pages, _random, written) => written % pages,
};

/** Of all pages, written nine times in ten. */
const HOT = 0.05;

export interface PacedOptions {
  readonly pattern: PatternName;
  readonly memory: number;
  readonly writesPerSecond: number;
}

export class PacedGuest {
  readonly vm: Vm;
  readonly #options: PacedOptions;
  readonly #vcpu: ReturnType<Vm['vcpu']>;
  readonly #pages: number;
  #state = 1;
  #written = 0;
  #due = 0;
  #at = 0;
  #share = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PacedOptions) {
    this.vm = createVm({ memory: options.memory, shared: false });
    this.#options = options;
    this.#pages = options.memory / PAGE;
    this.#vcpu = this.vm.vcpu(0);
    // No page is zero: those would not be sent with their contents.
    for (let page = 0; page < this.#pages; page++) this.#store(page);
  }

  run(): void {
    this.#at = performance.now();
    this.#timer = setInterval(() => this.#write(), 1);
  }

  /** Its state: none beside its memory. */
  stop(): Uint8Array {
    clearInterval(this.#timer);
    return new Uint8Array(0);
  }

  /** Lets it run (100 - percent) of the time. */
  throttle(percent: number): void {
    this.#share = 1 - percent / 100;
  }

  /** All writes that are due since the last time. */
  #write(): void {
    const now = performance.now();
    this.#due += ((now - this.#at) / 1000) * this.#options.writesPerSecond * this.#share;
    this.#at = now;
    const next = PATTERNS[this.#options.pattern];
    for (; this.#due >= 1; this.#due--) {
      this.#store(next(this.#pages, () => this.#random(), this.#written));
    }
    this.#vcpu.leave();
  }

  #store(page: number): void {
    this.#written++;
    this.#vcpu.write32(page * PAGE + (this.#written % 1024) * 4, this.#written);
  }

  /** xorshift32 */
  #random(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }
}
