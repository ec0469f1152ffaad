// One migration, carried out on paper: rounds of sending while the guest writes, until what is left fits in the downtime.
import { Throttle } from './auto-converge.ts';
import type { DirtyLoad } from './dirty-load.ts';
import { DirtyPages } from './dirty-pages.ts';
import { type RingOutlook, ringOutlook } from './dirty-ring.ts';
import type {
  Downtime,
  MigrationEnd,
  MigrationParameters,
  MigrationRound,
  MigrationRun,
} from './migration-run.ts';
import { MigrationTally, sumMs } from './migration-tally.ts';
import type { Strategy } from './strategy.ts';
import { sentBeforeLook } from './switch-over.ts';

/** What has not converged by then is taken for never to: only a lucky window would help it. */
const MOST_ROUNDS = 100;
/** QEMU's auto-converge judges no shorter time. */
const QEMU_PERIOD_SECONDS = 1;

export class Migration {
  readonly #load: DirtyLoad;
  readonly #strategy: Strategy;
  readonly #parameters: MigrationParameters;
  readonly #bytesPerPage: number;
  readonly #window: (elapsedS: number) => number;
  readonly #throttle: Throttle;
  readonly #dirty: DirtyPages;
  readonly #tally: MigrationTally;
  #least = Number.POSITIVE_INFINITY;
  #leastAt = 0;
  #best: Downtime | undefined;

  /** `window`: at which second of the recording the guest is when so much of the migration has passed. */
  constructor(
    load: DirtyLoad,
    strategy: Strategy,
    parameters: MigrationParameters,
    window: (elapsedS: number) => number,
  ) {
    const { compressionRatio, setupMs, switchOver } = parameters;
    this.#load = load;
    this.#strategy = strategy;
    this.#parameters = parameters;
    this.#bytesPerPage = load.pageSize / (strategy === 'compression' ? compressionRatio : 1);
    this.#window = window;
    this.#throttle = new Throttle(switchOver === 'pending' ? QEMU_PERIOD_SECONDS : 0);
    this.#dirty = new DirtyPages(load, strategy === 'manual-clear' ? 'when-sent' : 'by-harvest');
    this.#tally = new MigrationTally(setupMs);
  }

  run(): MigrationRun {
    let end: MigrationEnd | undefined;
    while (end === undefined) {
      this.#round();
      end = this.#end();
    }
    if (end === 'postcopy') return this.#postcopy();
    return end === 'converged'
      ? this.#stopAndCopy()
      : this.#tally.report(end, this.#best as Downtime);
  }

  #round(): void {
    const { switchOver, downtimeMs, roundCost } = this.#parameters;
    const at = this.#window(this.#tally.elapsedS);
    const whole = this.#secondsFor(this.#dirty.pages);
    // Post-copy is begun after a whole round.
    const transferS =
      this.#strategy === 'postcopy' ? whole : sentBeforeLook(switchOver, whole, downtimeMs / 1000);
    const pages = whole === 0 ? 0 : this.#dirty.pages * (transferS / whole);
    const ring = this.#strategy === 'ring' ? this.#ring(at) : undefined;
    const share = (1 - this.#throttle.percent / 100) * (ring?.runningShare ?? 1);
    const before = this.#watchedBeforeS;
    const found = this.#load.written((before + transferS + roundCost.ms / 1000) * share, at);
    const overheadS = this.#harvestS(found);
    const running = (before + transferS + overheadS) * share;
    const fresh = this.#dirty.send(pages, running, at);
    this.#tally.faults += this.#faultsOf(fresh, running, at, ring);
    this.#note({ pages, transferS, overheadS });
    this.#tally.ringStallS += (transferS + overheadS) * Math.max(0, ...(ring?.stallShares ?? []));
    if (this.#strategy === 'auto-converge') {
      this.#throttle.afterRound(pages, fresh, transferS + overheadS);
    }
  }

  /** The log is on while the migration is set up; but that does not count for pages that are cleared when they are sent. */
  get #watchedBeforeS(): number {
    const isFirst = this.#tally.rounds.length === 0 && this.#strategy !== 'manual-clear';
    return isFirst ? this.#parameters.setupMs / 1000 : 0;
  }

  #note({ pages, ...times }: Pick<MigrationRound, 'pages' | 'transferS' | 'overheadS'>): void {
    const remaining = this.#dirty.pages;
    this.#tally.round({
      pages: Math.round(pages),
      bytes: Math.round(pages * this.#bytesPerPage),
      ...times,
      remainingBytes: Math.round(remaining * this.#load.pageSize),
      estDowntimeMs: this.#secondsFor(remaining) * 1000,
      throttlePercent: this.#throttle.percent,
    });
  }

  #secondsFor(pages: number): number {
    return (pages * this.#bytesPerPage) / this.#parameters.bandwidth;
  }

  /** Once the guest has stopped. */
  #secondsForRest(pages: number): number {
    return (pages * this.#bytesPerPage) / this.#parameters.switchoverBandwidth;
  }

  #harvestS(pages: number): number {
    const { ms, nsPerPage } = this.#parameters.roundCost;
    return ms / 1e3 + (pages * nsPerPage) / 1e9;
  }

  #ring(at: number): RingOutlook {
    const { ring, roundCost } = this.#parameters;
    return ringOutlook(this.#load, at, ring, roundCost);
  }

  /** A page faults once after each harvest, or clear; one in a ring after each time that the ring is emptied. */
  #faultsOf(fresh: number, seconds: number, at: number, ring: RingOutlook | undefined): number {
    if (ring === undefined) {
      return this.#strategy === 'manual-clear' ? fresh : this.#load.written(seconds, at);
    }
    const reapS = Math.min(seconds, ring.reapS);
    return reapS === 0 ? 0 : (seconds / reapS) * this.#load.written(reapS, at);
  }

  #end(): MigrationEnd | undefined {
    const { downtimeMs, timeoutS, progressTimeoutS } = this.#parameters;
    const remaining = this.#dirty.pages;
    if (this.#strategy === 'postcopy') return 'postcopy';
    if (this.#secondsFor(remaining) * 1000 <= downtimeMs) return 'converged';
    if (remaining < this.#least) {
      this.#least = remaining;
      this.#leastAt = this.#tally.elapsedS;
      this.#best = this.#downtime();
    }
    if (this.#tally.elapsedS >= timeoutS) return 'timeout';
    if (progressTimeoutS > 0 && this.#tally.elapsedS - this.#leastAt >= progressTimeoutS) {
      return 'no-progress';
    }
    return this.#tally.rounds.length >= MOST_ROUNDS ? 'rounds' : undefined;
  }

  /**
   * Of stopping now. A harvest protects one page after the other: from the moment of a page until the stop it is, in the mean,
   * half the harvest, in which the guest writes on.
   */
  #downtime(): Downtime {
    const { rounds, elapsedS } = this.#tally;
    const seconds = ((rounds.at(-1)?.overheadS ?? 0) / 2) * (1 - this.#throttle.percent / 100);
    const at = this.#window(elapsedS);
    const rest = this.#dirty.pages + this.#dirty.others(seconds, at);
    return {
      harvestMs: this.#harvestS(this.#load.written(seconds, at)) * 1000,
      restMs: this.#secondsForRest(rest) * 1000,
      stateMs: this.#parameters.stateMs,
    };
  }

  #stopAndCopy(): MigrationRun {
    const downtime = this.#downtime();
    this.#tally.sent(this.#bytesIn(downtime.restMs), sumMs(downtime) / 1000);
    return this.#tally.report('converged', downtime);
  }

  /** The guest stops for its state alone; each page that is left is sent once, and asked for if it is written sooner. */
  #postcopy(): MigrationRun {
    const { restMs, ...stopped } = this.#downtime();
    const { pages } = this.#dirty;
    const early = this.#dirty.meanAgain(restMs / 1000, this.#window(this.#tally.elapsedS));
    const downtime: Downtime = { ...stopped, restMs: 0 };
    this.#tally.sent(this.#bytesIn(restMs), (sumMs(downtime) + restMs) / 1000);
    return this.#tally.report('postcopy', downtime, Math.round(pages * early));
  }

  #bytesIn(restMs: number): number {
    return (restMs / 1000) * this.#parameters.switchoverBandwidth;
  }
}
