// One migration, carried out on paper: rounds of sending while the guest writes, until what is left fits in the downtime.
import { Throttle } from './auto-converge.ts';
import type { DirtyLoad } from './dirty-load.ts';
import type { Strategy } from './strategy.ts';

/** Names and defaults are QEMU's and cloud-hypervisor's, where they have one. */
export interface MigrationParameters {
  /** Bytes a second. */
  readonly bandwidth: number;
  readonly downtimeMs: number;
  readonly timeoutS: number;
  /** Give up when remaining bytes have had no new minimum for so long (KubeVirt's progressTimeout); 0: never. */
  readonly progressTimeoutS: number;
  /** Of every page, by which it gets smaller on the wire; 1: not compressed. */
  readonly compressionRatio: number;
  /** What a round takes beside the sending: harvest, protection, acknowledgement. */
  readonly overheadMs: number;
  /** The part of the downtime that is not memory: device state, hand-over. */
  readonly stateMs: number;
  /** Entries of a vCPU's dirty ring, and how many vCPUs have one. */
  readonly dirtyRingSize: number;
  readonly vcpus: number;
}

/** Field names as cloud-hypervisor logs them, but whole words and units. */
export interface MigrationRound {
  readonly iter: number;
  readonly pages: number;
  readonly bytes: number;
  readonly transferS: number;
  /** Dirty at its end. */
  readonly remainingBytes: number;
  /** What stopping now would cost. */
  readonly estDowntimeMs: number;
  readonly elapsedS: number;
  readonly throttlePercent: number;
}

/** Why it ended. */
export type MigrationEnd = 'converged' | 'postcopy' | 'timeout' | 'no-progress' | 'rounds';

export interface MigrationRun {
  readonly converges: boolean;
  readonly end: MigrationEnd;
  readonly rounds: readonly MigrationRound[];
  /** The stopped part included. */
  readonly totalS: number;
  /** What it takes to stop, send the rest and go on. Of a migration that does not converge: at its best round. */
  readonly downtimeMs: number;
  /** Write-protection faults of the guest. */
  readonly faults: number;
  /** Post-copy: pages asked for before they had come, at least: reads are not in a dirty log. */
  readonly remoteFaults: number;
  readonly sentBytes: number;
}

/** What has not converged by then is taken for never to: only a lucky window would help it. */
const MOST_ROUNDS = 100;
/** QEMU's reaper empties rings that do not fill as often as this. */
const REAP_SECONDS = 1;
const STEPS = 16;

export class Migration {
  readonly #load: DirtyLoad;
  readonly #strategy: Strategy;
  readonly #parameters: MigrationParameters;
  readonly #bytesPerPage: number;
  readonly #window: (elapsedS: number) => number;
  readonly #throttle = new Throttle();
  readonly #rounds: MigrationRound[] = [];
  #elapsedS = 0;
  #remaining: number;
  #faults = 0;
  #sent = 0;
  #least = Number.POSITIVE_INFINITY;
  #leastAt = 0;

  /** `window`: at which second of the recording the guest is when so much of the migration has passed. */
  constructor(
    load: DirtyLoad,
    strategy: Strategy,
    parameters: MigrationParameters,
    window: (elapsedS: number) => number,
  ) {
    const { compressionRatio } = parameters;
    this.#load = load;
    this.#strategy = strategy;
    this.#parameters = parameters;
    this.#bytesPerPage = load.pageSize / (strategy === 'compression' ? compressionRatio : 1);
    this.#window = window;
    this.#remaining = load.memoryPages;
  }

  run(): MigrationRun {
    let end: MigrationEnd | undefined;
    while (end === undefined) {
      this.#round();
      end = this.#end();
    }
    const converges = end === 'converged' || end === 'postcopy';
    if (end === 'postcopy') return this.#postcopy();
    const best = Math.min(...this.#rounds.map(({ estDowntimeMs }) => estDowntimeMs));
    const downtimeMs = converges ? this.#downtimeMs() : best;
    if (converges) this.#sent += this.#remaining;
    return this.#report(end, converges, {
      totalS: this.#elapsedS + (converges ? downtimeMs / 1000 : 0),
      downtimeMs,
      remoteFaults: 0,
    });
  }

  #round(): void {
    const { overheadMs } = this.#parameters;
    const pages = this.#remaining;
    const seconds = this.#secondsFor(pages) + overheadMs / 1000;
    const throttlePercent = this.#throttle.percent;
    const running = seconds * (1 - throttlePercent / 100);
    const at = this.#window(this.#elapsedS);
    this.#remaining = this.#dirtyAfter(pages, running, at);
    this.#faults += this.#faultsOf(running, at);
    this.#sent += pages;
    this.#elapsedS += seconds;
    if (this.#strategy === 'auto-converge') this.#throttle.afterRound(pages, this.#remaining);
    this.#rounds.push({
      iter: this.#rounds.length,
      pages: Math.round(pages),
      bytes: Math.round(pages * this.#bytesPerPage),
      transferS: seconds,
      remainingBytes: Math.round(this.#remaining * this.#load.pageSize),
      estDowntimeMs: this.#downtimeMs(),
      elapsedS: this.#elapsedS,
      throttlePercent,
    });
  }

  #secondsFor(pages: number): number {
    return (pages * this.#bytesPerPage) / this.#parameters.bandwidth;
  }

  #downtimeMs(): number {
    return this.#secondsFor(this.#remaining) * 1000 + this.#parameters.stateMs;
  }

  /**
   * What was written while `pages` were sent. Where each page is protected only when its turn comes, writes before that are
   * sent with it: the page counts only if it is written in what then remains of the round.
   */
  #dirtyAfter(pages: number, seconds: number, at: number): number {
    const written = this.#load.written(seconds, at);
    if (this.#strategy !== 'manual-clear') return written;
    const isFirst = this.#rounds.length === 0;
    const again = (left: number): number =>
      isFirst ? this.#load.written(left, at) / pages : this.#load.rewritten(left, at);
    const others = Math.max(0, written - pages * again(seconds));
    return others + pages * meanOver(seconds, again);
  }

  /** A ring's pages are protected again each time that it is emptied, and fault again. */
  #faultsOf(seconds: number, at: number): number {
    if (this.#strategy !== 'ring') return this.#remaining;
    const reap = Math.min(seconds, this.#reapSeconds(at));
    return reap === 0 ? 0 : (seconds / reap) * this.#load.written(reap, at);
  }

  /** Until the rings are full, if that is sooner than the reaper comes. */
  #reapSeconds(at: number): number {
    const { dirtyRingSize, vcpus } = this.#parameters;
    const room = dirtyRingSize * vcpus;
    if (this.#load.written(REAP_SECONDS, at) <= room) return REAP_SECONDS;
    let from = 0;
    let to = REAP_SECONDS;
    for (let step = 0; step < 20; step++) {
      const middle = (from + to) / 2;
      if (this.#load.written(middle, at) < room) from = middle;
      else to = middle;
    }
    return to;
  }

  #end(): MigrationEnd | undefined {
    const { downtimeMs, timeoutS, progressTimeoutS } = this.#parameters;
    if (this.#strategy === 'postcopy') return 'postcopy';
    if (this.#downtimeMs() <= downtimeMs) return 'converged';
    if (this.#elapsedS >= timeoutS) return 'timeout';
    if (this.#remaining < this.#least) {
      this.#least = this.#remaining;
      this.#leastAt = this.#elapsedS;
    }
    if (progressTimeoutS > 0 && this.#elapsedS - this.#leastAt >= progressTimeoutS) {
      return 'no-progress';
    }
    return this.#rounds.length >= MOST_ROUNDS ? 'rounds' : undefined;
  }

  /** The guest stops for its state alone; each page that is left is sent once, and asked for if it is written sooner. */
  #postcopy(): MigrationRun {
    const { stateMs } = this.#parameters;
    const seconds = this.#secondsFor(this.#remaining);
    const at = this.#window(this.#elapsedS);
    const early = meanOver(seconds, (left) => this.#load.rewritten(left, at));
    this.#sent += this.#remaining;
    return this.#report('postcopy', true, {
      totalS: this.#elapsedS + stateMs / 1000 + seconds,
      downtimeMs: stateMs,
      remoteFaults: Math.round(this.#remaining * early),
    });
  }

  #report(
    end: MigrationEnd,
    converges: boolean,
    times: Pick<MigrationRun, 'totalS' | 'downtimeMs' | 'remoteFaults'>,
  ): MigrationRun {
    return {
      converges,
      end,
      rounds: this.#rounds,
      ...times,
      faults: Math.round(this.#faults),
      sentBytes: Math.round(this.#sent * this.#bytesPerPage),
    };
  }
}

/** The mean of a function of 0 to `seconds`, by midpoints. */
function meanOver(seconds: number, of: (seconds: number) => number): number {
  let sum = 0;
  for (let step = 0; step < STEPS; step++) sum += of((seconds * (step + 0.5)) / STEPS);
  return sum / STEPS;
}
