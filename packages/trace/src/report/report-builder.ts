// Events in, a report out. Each part of the report keeps its own account; this file only hands round what comes.
import { DirtyRate } from '../dirty-rate.ts';
import { MigrationRounds } from '../migration-rounds.ts';
import { RaceFinder } from '../races/race-finder.ts';
import type { TraceEvent } from '../trace-event.ts';
import type { TraceSummary } from '../trace-summary.ts';
import { Durations } from './durations.ts';
import { fastShare, type KindTally } from './fast-share.ts';
import { type Fault, Seen } from './fault.ts';
import { type FaultKind, kindNames } from './fault-kind.ts';
import { FaultTracker } from './fault-tracker.ts';
import { HotRanges } from './hot-ranges.ts';
import { HugePageTally } from './huge-pages.ts';
import { type LogFull, LogFullTally } from './log-full.ts';
import { type LoggedRound, loggedRounds } from './logged-round.ts';
import { MmioTally } from './mmio-tally.ts';
import { MmuModeFinder } from './mmu-mode.ts';
import { NotifierTally } from './notifier-tally.ts';
import type { KindRow, Latency, Report, RoundRow, VcpuRow } from './report.ts';
import { isWanted, isWithin, type ReportOptions } from './report-options.ts';
import { Spins } from './spins.ts';
import type { VcpuState } from './vcpu-state.ts';
import { VcpuTally } from './vcpu-tally.ts';

/** Durations are kept as whole numbers, in thousandths of the trace's time: nanoseconds, as a rule. */
const PARTS = 1000;

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
  readonly #kinds = new Map<FaultKind, KindTally>();
  readonly #vcpus = new Map<number, VcpuTally>();
  #event: TraceEvent | undefined;

  constructor(options: ReportOptions = {}) {
    this.#options = options;
    this.#tracker = new FaultTracker({
      looked: (fault) =>
        this.#races.looked(fault, { cpu: this.#event?.cpu ?? 0, layout: this.#tracker.layout }),
      ended: (fault) => this.#ended(fault),
    });
  }

  add(event: TraceEvent): void {
    this.#event = event;
    this.#tracker.add(event);
    this.#races.add(event);
    this.#mode.add(event);
    this.#rounds.add(event);
    if (!isWithin(event.time, this.#options.time)) return;
    this.#dirtyRate.add(event);
    const isVcpu = this.#tracker.vcpus.has(event.pid);
    this.#hugePages.add(event, isVcpu);
    this.#notifiers.add(event, isVcpu);
    this.#mmio.add(event);
    this.#logFull.add(event);
  }

  /** After the last event. */
  report(summary: TraceSummary): Report {
    this.#tracker.end();
    const unit = summary.clock === 'ticks' ? 'ticks' : 'ns';
    const scale: Scale = { part: unit === 'ns' ? 1 : 1 / PARTS, time: unit === 'ns' ? PARTS : 1 };
    const { source, rounds } = this.#rounds.end();
    const logged = loggedRounds(rounds);
    const tallies = [...this.#kinds.values()];
    return {
      unit,
      filter: this.#options,
      summary,
      mode: this.#mode.mode(),
      faults: tallies.reduce((sum, { count }) => sum + count, 0),
      timed: tallies.reduce((sum, { durations }) => sum + durations.count, 0),
      kinds: this.#kindRows(scale),
      vcpus: this.#vcpuRows(logged, scale),
      roundsSource: source,
      rounds: logged.map((round) => this.#roundRow(round, scale)),
      roundPrecision:
        scale.time * Math.max(0, ...this.#tallies().map(([, { logging }]) => logging.precision)),
      windows: this.#dirtyRate.end(),
      fast: fastShare(this.#kinds, scale.part),
      ranges: this.#ranges.ranked(scale.part),
      hugePages: this.#hugePages.result(),
      mmio: this.#mmio.result(),
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
    const kind = this.#kindTally(fault.kind);
    kind.count++;
    if (!Number.isNaN(duration)) kind.durations.add(duration);
    this.#vcpuTally(fault).add(fault, duration);
    this.#spins.add(fault);
    if (fault.look === 'huge') this.#hugePages.metWhileLogged++;
    const isFast = (fault.seen & (Seen.Fixed | Seen.Spurious)) !== 0;
    if (fault.gfn !== -1) this.#ranges.add(fault.gfn, isFast, duration || 0);
  }

  #kindTally(kind: FaultKind): KindTally {
    let tally = this.#kinds.get(kind);
    if (tally === undefined) {
      tally = { count: 0, durations: new Durations() };
      this.#kinds.set(kind, tally);
    }
    return tally;
  }

  #vcpuTally({ vcpu, began }: Fault): VcpuTally {
    let tally = this.#vcpus.get(vcpu.pid);
    if (tally === undefined) {
      tally = new VcpuTally(began);
      this.#vcpus.set(vcpu.pid, tally);
    }
    return tally;
  }

  /** By the number of the vCPU, then by its thread. */
  #tallies(): readonly (readonly [VcpuState, VcpuTally])[] {
    return [...this.#vcpus]
      .map(([pid, tally]) => [this.#tracker.vcpus.get(pid) as VcpuState, tally] as const)
      .sort(([a], [b]) => a.vcpuId - b.vcpuId || a.pid - b.pid);
  }

  #kindRows({ part }: Scale): readonly KindRow[] {
    return kindNames.flatMap((kind) => {
      const tally = this.#kinds.get(kind);
      if (tally === undefined) return [];
      return [{ kind, count: tally.count, ...latencyOf(tally.durations, part) }];
    });
  }

  #vcpuRows(rounds: readonly LoggedRound[], { part, time }: Scale): readonly VcpuRow[] {
    const first = Math.min(...rounds.map(({ since }) => since));
    const last = Math.max(...rounds.map(({ end }) => end));
    return this.#tallies().map(([vcpu, tally]) => {
      const slow = rounds.length === 0 ? 0 : tally.slowWrites.sum(first, last);
      return {
        vcpu: vcpu.vcpuId,
        pid: vcpu.pid,
        task: vcpu.task,
        faults: tally.faults,
        ...latencyOf(tally.durations, part),
        loggingStall: time * (tally.loggingStall + slow),
        span: time * Math.max(0, vcpu.lastTime - vcpu.firstTime),
        guestTime: time * vcpu.guestTime,
      };
    });
  }

  #logFullRow({ time }: Scale): LogFull {
    const { ringExits, pmlExits, stall } = this.#logFull;
    return { ringExits, pmlExits, stall: time * stall };
  }

  #roundRow(round: LoggedRound, { time }: Scale): RoundRow {
    const stall = this.#tallies().map(
      ([, tally]) => time * tally.loggingBetween(round.since, round.end),
    );
    return { ...round, stall };
  }
}

/** NaN without a re-entry, and where a clock of each CPU's own ran backwards between the two. */
function durationOf({ began, ended }: Fault): number {
  return ended >= began ? Math.round(PARTS * (ended - began)) : Number.NaN;
}

/** From what is kept to the report's unit. */
interface Scale {
  /** Of a duration, kept in parts of the trace's time. */
  readonly part: number;
  /** Of the trace's time itself. */
  readonly time: number;
}

function latencyOf(durations: Durations, part: number): Latency {
  const quantile = (q: number): number => part * durations.quantile(q);
  const hasAny = durations.count > 0;
  return {
    p50: quantile(0.5),
    p99: quantile(0.99),
    p999: quantile(0.999),
    max: hasAny ? part * durations.max : Number.NaN,
    sum: part * durations.sum,
  };
}
