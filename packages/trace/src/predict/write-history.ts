// When each page was written first after each harvest: what a trace under dirty logging shows of the guest's writes, and all
// that it shows. Between a page's first write and the next harvest it is writable, and nobody sees it written again; so
// a history is made of windows, each from one harvest to the next, and every page is watched from its own protection on.
//
// Memory: three numbers for each fault that made a page writable, or protected it.
import type { DirtyLogRound, RoundsSource } from '../dirty-log-round.ts';
import { GfnSet } from '../gfn-set.ts';
import { MigrationRounds } from '../migration-rounds.ts';
import { PageChanges } from '../page-change.ts';
import type { TraceEvent } from '../trace-event.ts';
import { type HarvestPass, harvestPasses } from './harvest-passes.ts';
import { HarvestTimes } from './harvest-times.ts';
import type { Harvest } from './round-cost.ts';
import { Writers } from './writers.ts';

/** From one harvest to the next. Seconds. */
export interface WriteWindow {
  /** Which migration of the trace: from where the log was switched on until it was switched off. */
  readonly migration: number;
  /** Of the trace's clock. */
  readonly begin: number;
  readonly seconds: number;
  /** Pages written in it, by gfn. */
  readonly gfns: readonly number[];
  /** How long each had been watched when it was written first; the whole window where no event tells. */
  readonly delays: readonly number[];
  /** As userspace counted them, pages of other windows that had not been cleared included. */
  readonly dirty: number;
  /** The vCPUs were stopped for the harvest that ends it. */
  readonly isLast: boolean;
}

export interface WriteHistory {
  readonly source: RoundsSource;
  readonly log: DirtyLogRound['log'];
  readonly windows: readonly WriteWindow[];
  /** Pages of the slots that were logged; of all pages that were ever written, where slots are not known. */
  readonly memoryPages: number;
  readonly isMemoryKnown: boolean;
  /** Those whose time the trace shows. */
  readonly harvests: readonly Harvest[];
  /** What part of the writes each vCPU has; empty where the trace does not say. */
  readonly vcpuShares: readonly number[];
}

interface Changes {
  readonly gfns: number[];
  readonly times: number[];
}

const MICROSECONDS = 1e6;

/** Takes a trace's events in order. */
export class WriteHistoryReader {
  readonly #pages = new PageChanges();
  readonly #rounds = new MigrationRounds();
  readonly #times = new HarvestTimes();
  readonly #writers = new Writers();
  readonly #written: Changes = { gfns: [], times: [] };
  readonly #protected: Changes = { gfns: [], times: [] };

  add(event: TraceEvent): void {
    this.#rounds.add(event);
    this.#writers.add(event);
    const page = this.#pages.of(event.body);
    this.#times.add(event, page);
    if (page === undefined) return;
    if (page.change === 'written') this.#writers.wrote(event);
    const changes = page.change === 'written' ? this.#written : this.#protected;
    changes.gfns.push(page.gfn);
    changes.times.push(event.time);
  }

  /** Undefined: the trace shows no two harvests, so nothing is known of how fast pages are written again. */
  end(): WriteHistory | undefined {
    const { source, rounds, loggedPages } = this.#rounds.end();
    const passes = harvestPasses(rounds);
    const windows = this.#windows(passes);
    if (source === undefined || windows.every(({ isLast }) => isLast)) return undefined;
    return {
      source,
      log: rounds[0]?.log,
      windows,
      ...memoryOf(loggedPages, windows),
      harvests: this.#harvests(passes),
      vcpuShares: this.#writers.shares(),
    };
  }

  #harvests(passes: readonly HarvestPass[]): Harvest[] {
    return passes.flatMap(({ begin, end, gfns }) => {
      const took = this.#times.within(begin, end);
      return took === undefined ? [] : [{ pages: gfns.size, seconds: took / MICROSECONDS }];
    });
  }

  #windows(passes: readonly HarvestPass[]): WriteWindow[] {
    const written = new Sweep(this.#written);
    const protections = new Sweep(this.#protected);
    const isProtectionTraced = this.#protected.gfns.length > 0;
    let watched = new Map<number, number>();
    return passes.flatMap((pass, i) => {
      const before = passes[i - 1];
      const origin = watched;
      watched = protections.during(pass.begin, pass.end);
      if (pass.since === undefined) return [];
      const isFirst = before?.migration !== pass.migration;
      const own = new Watch({
        pass,
        before: isFirst ? undefined : before,
        origin,
        isProtectionTraced,
      });
      return [windowOf(own, written)];
    });
  }
}

/** The changes of a stretch of time; stretches may overlap. */
class Sweep {
  readonly #changes: Changes;
  constructor(changes: Changes) {
    this.#changes = changes;
  }

  /** The last time of each page in it. */
  during(begin: number, end: number): Map<number, number> {
    const last = new Map<number, number>();
    this.each(begin, end, (gfn, time) => last.set(gfn, time));
    return last;
  }

  each(begin: number, end: number, visit: (gfn: number, time: number) => void): void {
    const { gfns, times } = this.#changes;
    for (let i = lowerBound(times, begin); i < times.length; i++) {
      const time = times[i] as number;
      if (time > end) return;
      visit(gfns[i] as number, time);
    }
  }
}

/** First index whose value is not below `least`. */
function lowerBound(ascending: readonly number[], least: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] as number) < least) from = middle + 1;
    else to = middle;
  }
  return from;
}

interface WatchOptions {
  readonly pass: HarvestPass;
  readonly before: HarvestPass | undefined;
  /** When each page lost W in the harvest before. */
  readonly origin: ReadonlyMap<number, number>;
  readonly isProtectionTraced: boolean;
}

/** From when each page of a window was watched. */
class Watch {
  readonly pass: HarvestPass;
  /** Of a page that was watched already. */
  readonly begin: number;
  /** No write before can belong to the window. */
  readonly earliest: number;
  readonly #options: WatchOptions;

  constructor(options: WatchOptions) {
    const { pass, before, origin } = options;
    this.#options = options;
    this.pass = pass;
    this.earliest = before?.begin ?? (pass.since as number);
    this.begin = before === undefined ? (pass.since as number) : meanOf(origin, before.end);
  }

  /** From when the page was watched; undefined: it was found dirty before and not cleared, so nobody knows its next write. */
  from(gfn: number): number | undefined {
    const { before, origin, isProtectionTraced } = this.#options;
    if (before === undefined || !before.gfns.has(gfn)) return this.begin;
    return origin.get(gfn) ?? (isProtectionTraced ? undefined : before.end);
  }

  /** Whether a write at `time` came before the harvest found the page. */
  isOfBefore(gfn: number, time: number): boolean {
    const { before } = this.#options;
    return before?.gfns.has(gfn) === true && time < (this.from(gfn) ?? 0);
  }
}

function windowOf(watch: Watch, written: Sweep): WriteWindow {
  const { pass, begin } = watch;
  const first = new Map<number, number>();
  written.each(watch.earliest, pass.end, (gfn, time) => {
    if (first.has(gfn) || !pass.gfns.has(gfn) || watch.isOfBefore(gfn, time)) return;
    const from = watch.from(gfn);
    if (from !== undefined) first.set(gfn, Math.max(0, time - from));
  });
  const length = Math.max(0, pass.begin - begin);
  // Written, and no event tells when. Some beside others that tell: while their harvest, or the begin of logging, went on.
  // All: hardware logs by itself, and any time is as likely as another.
  const isTraced = first.size > 0;
  let untold = 0;
  for (const gfn of pass.gfns) {
    if (first.has(gfn) || watch.from(gfn) === undefined) continue;
    first.set(gfn, isTraced ? 0 : (length * ++untold) / pass.gfns.size);
  }
  return {
    migration: pass.migration,
    begin: begin / MICROSECONDS,
    seconds: length / MICROSECONDS,
    gfns: [...first.keys()],
    delays: [...first.values()].map((delay) => Math.min(delay, length) / MICROSECONDS),
    dirty: pass.gfns.size,
    isLast: pass.isLast,
  };
}

function meanOf(times: ReadonlyMap<number, number>, otherwise: number): number {
  if (times.size === 0) return otherwise;
  let sum = 0;
  for (const time of times.values()) sum += time;
  return sum / times.size;
}

function memoryOf(
  loggedPages: number | undefined,
  windows: readonly WriteWindow[],
): Pick<WriteHistory, 'memoryPages' | 'isMemoryKnown'> {
  if (loggedPages !== undefined) return { memoryPages: loggedPages, isMemoryKnown: true };
  const seen = new GfnSet();
  for (const { gfns } of windows) seen.addAll(gfns);
  return { memoryPages: seen.size, isMemoryKnown: false };
}
