// A report as a flat list of named figures: what CSV prints, and what two traces are compared by. Each says in which direction it
// is better, where there is one; what depends on how long was traced comes by the second.
import { FAULT_KINDS, type FaultKind } from './fault-kind.ts';
import type { KindRow, Report, VcpuRow } from './report.ts';

export type Better = 'lower' | 'higher';

export interface Figure {
  /** Stable: scripts may rely on it. Parts are joined by dots. */
  readonly key: string;
  readonly label: string;
  /** NaN where the trace cannot tell it. */
  readonly value: number;
  readonly unit: 'events' | 'share' | 'ns' | 'ticks' | '/s' | 'pages' | 'MB/s';
  /** Undefined: says what was traced, not how well it went. */
  readonly better: Better | undefined;
  /** Rests on so few faults that another trace of the same would give another figure. */
  readonly isShaky: boolean;
}

/** Faults that a quantile must rest on: twenty beyond it. */
const beyond = (q: number): number => 20 / (1 - q);

/** Fewer of these are always better: work that a setting or a kernel could have spared. */
const WASTE: ReadonlySet<FaultKind> = new Set([
  'retried',
  'huge_logged',
  'slow_remap',
  'mmio_stale',
]);

export function figures(report: Report): readonly Figure[] {
  return [
    ...ofTrace(report),
    ...report.kinds.flatMap((row) => ofKind(row, report)),
    ...report.vcpus.flatMap((row, n) => ofVcpu(row, vcpuKey(report.vcpus, n), report)),
    ...ofDirtyLog(report),
    ...ofFastPath(report),
    ...ofHost(report),
    ...ofRaces(report),
  ];
}

/** Seconds of the trace; of ticks, millions of them. */
const seconds = ({ summary: { firstTime, lastTime } }: Report): number =>
  Math.max(lastTime - firstTime, 1) / 1e6;

const vcpuTime = ({ vcpus }: Report): number => sum(vcpus, (row) => row.span);

function ofTrace(report: Report): Figure[] {
  const { faults, vcpus } = report;
  const span = vcpuTime(report);
  const share = (of: (row: VcpuRow) => number): number => (span === 0 ? 0 : sum(vcpus, of) / span);
  const stall = share((row) => row.sum);
  const logging = share((row) => row.loggingStall);
  return [
    neutral('vcpus', 'vCPUs with faults', vcpus.length, 'events'),
    neutral('faults', 'faults', faults, 'events'),
    neutral('faults.rate', 'faults by the second', faults / seconds(report), '/s'),
    lower('stall', "stall, of the vCPUs' time", stall, 'share'),
    lower('stall.logging', 'stall from the dirty log', logging, 'share'),
  ];
}

function ofKind(row: KindRow, { faults, unit }: Report): Figure[] {
  const { label } = FAULT_KINDS[row.kind];
  const key = `kind.${row.kind}`;
  const share = WASTE.has(row.kind) ? lower : neutral;
  const quantile = (name: string, text: string, value: number, q: number): Figure => ({
    ...lower(`${key}.${name}`, `${label}, ${text}`, value, unit),
    isShaky: row.count < beyond(q),
  });
  return [
    neutral(`${key}.count`, label, row.count, 'events'),
    share(`${key}.share`, `${label}, of all`, row.count / faults, 'share'),
    quantile('p50', 'p50', row.p50, 0.5),
    quantile('p99', 'p99', row.p99, 0.99),
    quantile('p999', 'p99.9', row.p999, 0.999),
  ];
}

/** In a trace of several VMs each has a vCPU 0: the second one's key is `vcpu.0.2`. */
function vcpuKey(vcpus: readonly VcpuRow[], n: number): string {
  const number = vcpus[n]?.vcpu;
  const nth = vcpus.slice(0, n + 1).filter(({ vcpu }) => vcpu === number).length;
  return nth === 1 ? `vcpu.${number}` : `vcpu.${number}.${nth}`;
}

function ofVcpu(row: VcpuRow, key: string, { unit }: Report): Figure[] {
  const name = `vCPU ${key.slice('vcpu.'.length)}`;
  const span = Math.max(row.span, 1);
  return [
    lower(`${key}.stall`, `${name} stall, of its time`, row.sum / span, 'share'),
    lower(
      `${key}.stall.logging`,
      `${name} stall from the dirty log`,
      row.loggingStall / span,
      'share',
    ),
    { ...lower(`${key}.longest`, `${name} longest fault`, row.max, unit), isShaky: true },
  ];
}

function ofDirtyLog(report: Report): Figure[] {
  const { rounds, unit, windows, logFull } = report;
  if (rounds.length === 0) return [];
  const span = vcpuTime(report);
  const stalls = rounds.map(({ stall }) => sum(stall, (of) => of));
  const mean = (total: number): number => total / rounds.length;
  const pages = mean(sum(rounds, ({ dirtyPages }) => dirtyPages));
  // Not Math.max(...): a trace may be weeks long, a call has room for some 100,000 arguments.
  const busiest = windows.reduce((most, { pages }) => Math.max(most, pages), 0);
  return [
    neutral('rounds', 'rounds of the dirty log', rounds.length, 'events'),
    neutral('rounds.pages', 'dirty pages in a round, mean', pages, 'pages'),
    lower('rounds.stall', 'stall in a round, mean', mean(sum(stalls, (of) => of)), unit),
    {
      ...lower('rounds.stall.worst', 'stall in the worst round', Math.max(...stalls), unit),
      isShaky: true,
    },
    neutral(
      'log_full',
      'exits with a full ring or PML',
      logFull.ringExits + logFull.pmlExits,
      'events',
    ),
    lower('log_full.stall', 'stall with a full ring or PML', logFull.stall / (span || 1), 'share'),
    ...(unit === 'ns'
      ? [neutral('dirty.working_set', 'pages written in the busiest second', busiest, 'pages')]
      : []),
  ];
}

function ofFastPath({ fast: { candidates, repaired, estimate }, unit }: Report): Figure[] {
  if (candidates === 0) return [];
  return [
    higher('fast.share', 'protection faults repaired fast', repaired / candidates, 'share'),
    ...(estimate.from === undefined
      ? []
      : [neutral('fast.saved', 'time the slow path would have added', estimate.added, unit)]),
  ];
}

function ofHost(report: Report): Figure[] {
  const { hugePages, mmio, notifiers, longestSpin, unit } = report;
  const calls = sum(notifiers, (row) => row.calls);
  const spin = (longestSpin?.length ?? 0) * (unit === 'ns' ? 1000 : 1);
  return [
    neutral('huge.mapped', 'huge pages mapped', hugePages.mapped, 'events'),
    neutral('huge.split_ahead', 'huge pages split ahead', hugePages.splitAhead, 'events'),
    neutral('huge.met', 'faults that met a logged huge page', hugePages.metWhileLogged, 'events'),
    neutral('mmio', 'MMIO accesses', mmio.accesses, 'events'),
    neutral('mmio.rate', 'MMIO accesses by the second', mmio.accesses / seconds(report), '/s'),
    neutral('notifiers.rate', 'mmu notifier calls by the second', calls / seconds(report), '/s'),
    { ...lower('spin.longest', 'longest spin on one page', spin, unit), isShaky: true },
  ];
}

const ofRaces = ({ raceCounts }: Report): Figure[] => [
  neutral('races.withdrawn', 'rights withdrawn in flight', raceCounts.withdrawn, 'events'),
  neutral('races.repaired', 'faults that another vCPU repaired', raceCounts.repaired, 'events'),
];

type MakeFigure = (key: string, label: string, value: number, unit: Figure['unit']) => Figure;
const figureOf =
  (better: Better | undefined): MakeFigure =>
  (key, label, value, unit) => ({ key, label, value, unit, better, isShaky: false });
const lower = figureOf('lower');
const higher = figureOf('higher');
const neutral = figureOf(undefined);

const sum = <T>(rows: readonly T[], of: (row: T) => number): number =>
  rows.reduce((total, row) => total + of(row), 0);
