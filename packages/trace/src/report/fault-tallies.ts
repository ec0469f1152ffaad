// The account of faults, by kind and by vCPU.
import { Durations } from './durations.ts';
import type { KindTally } from './fast-share.ts';
import type { Fault, VcpuThread } from './fault.ts';
import { type FaultKind, kindNames } from './fault-kind.ts';
import type { LoggedRound } from './logged-round.ts';
import type { KindRow, Latency, Report, RoundRow, VcpuRow } from './report.ts';
import type { ReportOptions } from './report-options.ts';
import type { Scale } from './scale.ts';
import { VcpuTally } from './vcpu-tally.ts';

export class FaultTallies {
  readonly kinds: Map<FaultKind, KindTally> = new Map();
  /** By the thread's object, which the tracker keeps up to date. */
  readonly #vcpus = new Map<VcpuThread, VcpuTally>();

  /** `duration` in parts, NaN where there is none. */
  add(fault: Fault, duration: number): void {
    const kind = this.#kind(fault.kind);
    kind.count++;
    if (!Number.isNaN(duration)) kind.durations.add(duration);
    this.#vcpu(fault).add(fault, duration);
  }

  totals(): Pick<Report, 'faults' | 'timed'> {
    const tallies = [...this.kinds.values()];
    return {
      faults: tallies.reduce((sum, { count }) => sum + count, 0),
      timed: tallies.reduce((sum, { durations }) => sum + durations.count, 0),
    };
  }

  kindRows({ part }: Scale): readonly KindRow[] {
    return kindNames.flatMap((kind) => {
      const tally = this.kinds.get(kind);
      if (tally === undefined) return [];
      return [{ kind, count: tally.count, ...latencyOf(tally.durations, part) }];
    });
  }

  /** Repairs under mmu_lock are the dirty log's between the first round and the last. */
  vcpuRows(
    rounds: readonly LoggedRound[],
    {
      scale: { part, time },
      time: window,
    }: { readonly scale: Scale } & Pick<ReportOptions, 'time'>,
  ): readonly VcpuRow[] {
    const first = Math.min(...rounds.map(({ since }) => since));
    const last = Math.max(...rounds.map(({ end }) => end));
    return this.#sorted().map(([vcpu, tally]) => {
      const slow = rounds.length === 0 ? 0 : tally.slowWrites.sum(first, last);
      const from = Math.max(vcpu.firstTime, window?.[0] ?? vcpu.firstTime);
      const to = Math.min(vcpu.lastTime, window?.[1] ?? vcpu.lastTime);
      return {
        vcpu: vcpu.vcpuId,
        pid: vcpu.pid,
        task: vcpu.task,
        faults: tally.faults,
        ...latencyOf(tally.durations, part),
        loggingStall: time * (tally.loggingStall + slow),
        span: time * Math.max(0, to - from),
      };
    });
  }

  roundRow(round: LoggedRound, { time }: Scale): RoundRow {
    const stall = this.#sorted().map(
      ([, tally]) => time * tally.loggingBetween(round.since, round.end),
    );
    return { ...round, stall };
  }

  /** How far the stall of a round may be off, for each vCPU. */
  precision({ time }: Scale): number {
    return time * Math.max(0, ...[...this.#vcpus.values()].map(({ precision }) => precision));
  }

  #kind(kind: FaultKind): KindTally {
    let tally = this.kinds.get(kind);
    if (tally === undefined) {
      tally = { count: 0, durations: new Durations() };
      this.kinds.set(kind, tally);
    }
    return tally;
  }

  #vcpu({ vcpu, began }: Fault): VcpuTally {
    let tally = this.#vcpus.get(vcpu);
    if (tally === undefined) {
      tally = new VcpuTally(began);
      this.#vcpus.set(vcpu, tally);
    }
    return tally;
  }

  /** By the number of the vCPU, then by its thread. */
  #sorted(): readonly (readonly [VcpuThread, VcpuTally])[] {
    return [...this.#vcpus].sort(([a], [b]) => a.vcpuId - b.vcpuId || a.pid - b.pid);
  }
}

function latencyOf(durations: Durations, part: number): Latency {
  const quantile = (q: number): number => part * durations.quantile(q);
  return {
    p50: quantile(0.5),
    p99: quantile(0.99),
    p999: quantile(0.999),
    max: durations.count === 0 ? Number.NaN : part * durations.max,
    sum: part * durations.sum,
  };
}
