// Events in, a report out. Each part of the report keeps its own account; this file only hands round what comes.
import { DirtyRate } from '../dirty-rate.ts';
import { MigrationRounds } from '../migration-rounds.ts';
import { RaceFinder } from '../races/race-finder.ts';
import type { TraceEvent } from '../trace-event.ts';
import type { TraceSummary } from '../trace-summary.ts';
import { fastShare } from './fast-share.ts';
import type { Fault } from './fault.ts';
import { FaultTallies } from './fault-tallies.ts';
import { FaultTracker } from './fault-tracker.ts';
import { HotRanges } from './hot-ranges.ts';
import { HugePageTally } from './huge-pages.ts';
import { type LogFull, LogFullTally } from './log-full.ts';
import { type LoggedRound, loggedRounds } from './logged-round.ts';
import { MmioTally } from './mmio-tally.ts';
import { MmuModeFinder } from './mmu-mode.ts';
import { NotifierTally } from './notifier-tally.ts';
import type { Report } from './report.ts';
import { isOfWantedThread, isWanted, isWithin, type ReportOptions } from './report-options.ts';
import { durationOf, type Scale, scaleOf } from './scale.ts';
import { Seen } from './seen.ts';
import { Spins } from './spins.ts';

export class ReportBuilder {
  readonly #options: ReportOptions;
  readonly #tracker: FaultTracker;
  readonly #races = new RaceFinder();
  readonly #mode = new MmuModeFinder();
  readonly #rounds = new MigrationRounds();
  readonly #dirtyRate = new DirtyRate();
  readonly #hugePages = new HugePageTally();
  readonly #mmio = new MmioTally();
  readonly #notifiers = new NotifierTally();
  readonly #spins = new Spins();
  readonly #logFull = new LogFullTally();
  readonly #ranges = new HotRanges();
  readonly #tallies = new FaultTallies();

  constructor(options: ReportOptions = {}) {
    this.#options = options;
    this.#tracker = new FaultTracker({
      looked: (fault) => this.#races.looked(fault, this.#tracker.layout),
      ended: (fault) => this.#ended(fault),
    });
  }

  add(event: TraceEvent): void {
    this.#tracker.add(event);
    this.#races.add(event);
    this.#mode.add(event);
    this.#rounds.add(event);
    if (!isWithin(event.time, this.#options.time)) return;
    this.#dirtyRate.add(event);
    const vcpu = this.#tracker.vcpus.get(event.pid);
    this.#hugePages.add(event, vcpu !== undefined);
    this.#notifiers.add(event, vcpu);
    if (!isOfWantedThread(vcpu, this.#options)) return;
    this.#mmio.add(event);
    this.#logFull.add(event);
  }

  /** After the last event. */
  report(summary: TraceSummary): Report {
    this.#tracker.end();
    const scale = scaleOf(summary.clock);
    const { source, rounds } = this.#rounds.end();
    const logged = loggedRounds(rounds);
    const { time, gfn } = this.#options;
    return {
      unit: scale.unit,
      filter: this.#options,
      summary,
      mode: this.#mode.mode(),
      ...this.#tallies.totals(),
      kinds: this.#tallies.kindRows(scale),
      vcpus: this.#tallies.vcpuRows(logged, { scale, time }),
      roundsSource: source,
      rounds: logged
        .filter((round) => overlaps(round, time))
        .map((round) => this.#tallies.roundRow(round, scale)),
      roundPrecision: this.#tallies.precision(scale),
      windows: this.#dirtyRate.end(),
      fast: fastShare(this.#tallies.kinds, scale.part),
      ranges: this.#ranges.ranked(scale.part),
      hugePages: this.#hugePages.result(),
      mmio: this.#mmio.result(gfn),
      notifiers: this.#notifiers.ranked(),
      longestSpin: this.#spins.longest,
      logFull: this.#logFullRow(scale),
      raceCounts: this.#races.counts,
      races: this.#races.kept,
    };
  }

  #ended(fault: Fault): void {
    const wanted = isWanted(fault, this.#options);
    this.#races.ended(fault, wanted);
    if (!wanted) return;
    const duration = durationOf(fault);
    this.#tallies.add(fault, duration);
    this.#spins.add(fault);
    if (fault.look === 'huge') this.#hugePages.metWhileLogged++;
    const isFast = (fault.seen & (Seen.Fixed | Seen.Spurious)) !== 0;
    if (fault.gfn !== -1) this.#ranges.add(fault.gfn, isFast, duration || 0);
  }

  #logFullRow({ time }: Scale): LogFull {
    const { ringExits, pmlExits, stall } = this.#logFull;
    return { ringExits, pmlExits, stall: time * stall };
  }
}

const overlaps = ({ since, end }: LoggedRound, time: ReportOptions['time']): boolean =>
  time === undefined || (since <= time[1] && end >= time[0]);
