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
import { type Changes, Sweep } from './sweep.ts';
import { Watch, type WriteWindow, windowOf } from './write-window.ts';
import { Writers } from './writers.ts';

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

function memoryOf(
  loggedPages: number | undefined,
  windows: readonly WriteWindow[],
): Pick<WriteHistory, 'memoryPages' | 'isMemoryKnown'> {
  if (loggedPages !== undefined) return { memoryPages: loggedPages, isMemoryKnown: true };
  const seen = new GfnSet();
  for (const { gfns } of windows) seen.addAll(gfns);
  return { memoryPages: seen.size, isMemoryKnown: false };
}
