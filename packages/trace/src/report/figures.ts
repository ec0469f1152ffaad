// A report as a flat list of named figures: what CSV prints, and what two traces are compared by. Each says in which direction it
// is better, where there is one; what depends on how long was traced comes by the second.
import { FAULT_KINDS } from './fault-kind.ts';
import type { KindRow, Report, VcpuRow } from './report.ts';

export type Better = 'lower' | 'higher';

export interface Figure {
  /** Stable: scripts may rely on it. Parts are joined by dots. */
  readonly key: string;
  readonly label: string;
  readonly value: number;
  readonly unit: 'events' | 'share' | 'ns' | 'ticks' | '/s' | 'pages' | 'MB/s';
  /** Undefined: says what was traced, not how well it went. */
  readonly better: Better | undefined;
}

export function figures(report: Report): readonly Figure[] {
  return [
    ...ofTrace(report),
    ...report.kinds.flatMap((row) => ofKind(row, report)),
    ...report.vcpus.flatMap((row) => ofVcpu(row, report)),
    ...ofDirtyLog(report),
    ...ofFastPath(report),
    ...ofHugePages(report),
    ...ofMmio(report),
    ...ofRaces(report),
  ];
}

/** Seconds of the trace; of ticks, millions of them. */
const seconds = ({ summary: { firstTime, lastTime } }: Report): number =>
  Math.max(lastTime - firstTime, 1) / 1e6;

function ofTrace(report: Report): Figure[] {
  const { faults, vcpus } = report;
  const span = sum(vcpus, (row) => row.span);
  const share = (of: (row: VcpuRow) => number): number => (span === 0 ? 0 : sum(vcpus, of) / span);
  return [
    neutral('vcpus', 'vCPUs with faults', vcpus.length, 'events'),
    neutral('faults', 'faults', faults, 'events'),
    lower('faults.rate', 'faults by the second', faults / seconds(report), '/s'),
    lower(
      'stall',
      "stall, of the vCPUs' time",
      share((row) => row.sum),
      'share',
    ),
    lower(
      'stall.logging',
      'stall from the dirty log',
      share((row) => row.loggingStall),
      'share',
    ),
  ];
}

function ofKind(row: KindRow, { faults, unit }: Report): Figure[] {
  const { label } = FAULT_KINDS[row.kind];
  const key = `kind.${row.kind}`;
  return [
    neutral(`${key}.count`, label, row.count, 'events'),
    neutral(`${key}.share`, `${label}, of all faults`, row.count / faults, 'share'),
    lower(`${key}.p50`, `${label}, p50`, row.p50, unit),
    lower(`${key}.p99`, `${label}, p99`, row.p99, unit),
    lower(`${key}.p999`, `${label}, p99.9`, row.p999, unit),
  ];
}

function ofVcpu(row: VcpuRow, { unit }: Report): Figure[] {
  const key = `vcpu.${row.vcpu}`;
  const name = `vCPU ${row.vcpu}`;
  const span = Math.max(row.span, 1);
  return [
    lower(`${key}.stall`, `${name} stall, of its time`, row.sum / span, 'share'),
    lower(
      `${key}.stall.logging`,
      `${name} stall from the dirty log`,
      row.loggingStall / span,
      'share',
    ),
    lower(`${key}.longest`, `${name} longest fault`, row.max, unit),
  ];
}

function ofDirtyLog({ rounds, unit, windows }: Report): Figure[] {
  if (rounds.length === 0) return [];
  const stalls = rounds.map(({ stall }) => stall.reduce((total, of) => total + of, 0));
  const rates = windows.map(({ bytes, begin, end }) => bytes / (end - begin));
  return [
    neutral('rounds', 'rounds of the dirty log', rounds.length, 'events'),
    neutral(
      'rounds.pages',
      'dirty pages in a round, mean',
      sum(rounds, ({ dirtyPages }) => dirtyPages) / rounds.length,
      'pages',
    ),
    lower('rounds.stall', 'stall in a round, mean', sum(stalls, (of) => of) / rounds.length, unit),
    lower('rounds.stall.worst', 'stall in the worst round', Math.max(...stalls), unit),
    ...(unit === 'ns' && rates.length > 0
      ? [neutral('dirty.rate', 'dirty rate, fastest second', Math.max(...rates), 'MB/s')]
      : []),
  ];
}

function ofFastPath({ fast: { candidates, repaired, estimate }, unit }: Report): Figure[] {
  if (candidates === 0) return [];
  return [
    higher(
      'fast.share',
      'protection faults repaired by the fast path',
      repaired / candidates,
      'share',
    ),
    ...(estimate.from === undefined
      ? []
      : [neutral('fast.saved', 'time the slow path would have added', estimate.added, unit)]),
  ];
}

const ofHugePages = ({ hugePages }: Report): Figure[] => [
  neutral('huge.mapped', 'huge pages mapped', hugePages.mapped, 'events'),
  neutral('huge.split', 'huge pages split ahead', hugePages.splitAhead, 'events'),
  lower('huge.met', 'faults that met a logged huge page', hugePages.metWhileLogged, 'events'),
];

const ofMmio = (report: Report): Figure[] => [
  lower('mmio.rate', 'MMIO accesses by the second', report.mmio.accesses / seconds(report), '/s'),
];

const ofRaces = ({ raceCounts }: Report): Figure[] => [
  neutral('races.withdrawn', 'rights withdrawn in flight', raceCounts.withdrawn, 'events'),
];

type Unit = Figure['unit'];
const figureOf =
  (better: Better | undefined) =>
  (key: string, label: string, value: number, unit: Unit): Figure => ({
    key,
    label,
    value,
    unit,
    better,
  });
const lower = figureOf('lower');
const higher = figureOf('higher');
const neutral = figureOf(undefined);

const sum = <T>(rows: readonly T[], of: (row: T) => number): number =>
  rows.reduce((total, row) => total + of(row), 0);
