// What `run` prints: one column per fault path, the kernel's own figures beside them where a trace was played.
import { GUESTS, type GuestName, type Integrity, type RunReport } from '@faultline/runner';
import type { TraceSummary } from '@faultline/trace';
import { count, figure, formatTable, nanoseconds, percent, type Row } from './table.ts';
import type { LoadedTrace } from './trace-input.ts';

type Source = GuestName | LoadedTrace;

/** Text, or one JSON object. `migrate`: it was asked for, so that its absence is said aloud. */
export function runReport(
  source: Source,
  reports: readonly RunReport[],
  { json, migrate }: { readonly json: boolean; readonly migrate: boolean },
): string {
  if (json) return `${JSON.stringify(jsonOf(source, reports))}\n`;
  const head = heading(source, reports);
  const table = formatTable(
    [...(isTrace(source) ? ['kernel'] : []), ...reports.map(({ faultPath }) => faultPath)],
    rows(source, reports),
  );
  const end = reports.flatMap((report) => verdict(report, migrate));
  return `${[...head, '', table, '', ...end].join('\n')}\n`;
}

const isTrace = (source: Source): source is LoadedTrace => typeof source !== 'string';

function heading(source: Source, reports: readonly RunReport[]): string[] {
  const [first] = reports as readonly [RunReport];
  const log = first.dirtyLog === 'bitmap' ? '' : `, dirty log: ${first.dirtyLog}`;
  const mmu = first.mmu === 'tdp' ? '' : `, ${first.mmu} MMU`;
  const size = `${count(first.pages)} pages, ${plural(first.vcpus, 'vCPU')}${mmu}${log}`;
  const paths = reports.map(({ faultPath }) => PATHS_SAY[faultPath]).join('; ');
  if (!isTrace(source))
    return [`guest ${source}: ${GUESTS[source].says}`, `  ${size}`, `  ${paths}`];
  const { name, summary, plan } = source;
  const place = first.vcpus < plan.vcpus ? ` in the place of the trace's ${plan.vcpus}` : '';
  const notes = [`${size}${place}`, ...damage(summary), ...plan.notes, paths];
  return [
    `${name}: ${count(summary.events)} events, ${lost(summary)}`,
    ...notes.map((note) => `  ${note}`),
  ];
}

const PATHS_SAY: Readonly<Record<RunReport['faultPath'], string>> = {
  slow: 'slow: always mmu_lock',
  merged: 'merged: fast path of 2012',
  current: 'current: fast path of 6.12',
};

const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

function lost({ lost: { overwritten, reported, dropped, unnumbered } }: TraceSummary): string {
  const missing = overwritten + reported + dropped;
  if (unnumbered > 0) return `${missing === 0 ? 'some' : `more than ${count(missing)}`} LOST`;
  return missing === 0 ? 'none lost' : `${count(missing)} LOST`;
}

function damage({ truncated, lost: { missing }, errorCount, errors }: TraceSummary): string[] {
  const [first] = errors;
  return [
    ...(truncated ? ['the file ends too early; its sound part is played'] : []),
    ...(missing > 0 ? [`its header counts ${count(missing)} more events than it holds`] : []),
    ...(first === undefined
      ? []
      : [
          `${plural(errorCount, 'place')} could not be read, from ${first.place} on:`,
          `  expected ${first.expected}`,
        ]),
  ];
}

/** Figures of a trace are per pass, so that they stand beside the kernel's. */
function rows(source: Source, reports: readonly RunReport[]): Row[] {
  const kernel = isTrace(source) ? source.plan.kernel : undefined;
  const row = (name: string, ours: (report: RunReport) => string, theirs = ''): Row => ({
    name,
    cells: [...(kernel === undefined ? [] : [theirs]), ...reports.map(ours)],
  });
  // Faults count from the second pass on; what the VMM and ksmd did, from the first.
  const measured = (report: RunReport, value: number): string =>
    count(value / Math.max(1, report.passes - 1));
  const perPass = (report: RunReport, value: number): string =>
    count(value / Math.max(1, report.passes));
  const each = isTrace(source) ? ' per pass' : '';
  const stat = (name: string, key: keyof RunReport['stat'], theirs?: number): Row =>
    row(
      name,
      (report) => measured(report, report.stat[key]),
      theirs === undefined ? '' : count(theirs),
    );
  const clocked = (name: string, ns: (report: RunReport) => number): Row =>
    row(name, (report) => (report.latency.count === 0 ? NOTHING : nanoseconds(ns(report))));
  const lockMs = (name: string, key: 'waitedMs' | 'writtenMs' | 'readMs'): Row =>
    row(name, ({ lock, passes }) => figure(lock[key] / Math.max(1, passes)));
  const many = reports.some(({ migrations }) => migrations.length > 0);
  return [
    ...(kernel === undefined ? [] : [row('passes', ({ passes }) => count(passes), '1')]),
    stat(`faults${each}`, 'pf_taken', kernel?.pageFaults),
    stat('  repaired without mmu_lock', 'pf_fast', kernel?.fastFixed),
    stat('  spurious: repaired already', 'pf_spurious', kernel?.fastSpurious),
    stat('  lost the cmpxchg, retried', 'pf_fast_retry'),
    stat('  mapped under mmu_lock', 'pf_slow', kernel?.setSpte),
    row(
      '  stale page fault, retried',
      (report) => measured(report, report.stat.pf_retry),
      kernel === undefined ? '' : count(remainder(kernel)),
    ),
    stat('  no memslot there', 'pf_emulate', kernel && emulated(kernel)),
    ...(reports.some(({ stat }) => stat.pf_emulate > 0)
      ? [
          stat('    MMIO spte made', 'pf_mmio_spte_created', kernel?.mmioSptes),
          stat('    answered by an MMIO spte', 'mmio_fast', kernel?.mmioFast),
          stat('    remembered by the vCPU', 'mmio_cached', kernel && remembered(kernel)),
          stat('  MMIO spte of old memslots', 'mmio_stale', kernel?.mmioStale),
        ]
      : []),
    row(
      'share without mmu_lock',
      ({ stat: { pf_fast, pf_taken } }) => percent(pf_fast, pf_taken),
      kernel === undefined ? '' : percent(kernel.fastFixed, kernel.pageFaults),
    ),
    row("mean fault with guest's work", ({ meanNs }) => nanosecondsOr(meanNs)),
    row('mean fault by itself', ({ timedMeanNs }) => nanosecondsOr(timedMeanNs)),
    clocked('write-protection fault p50', ({ latency }) => latency.p50),
    clocked('  p99', ({ latency }) => latency.p99),
    clocked('  p99.9', ({ latency }) => latency.p999),
    clocked('  p99.99', ({ latency }) => latency.p9999),
    clocked('  of which the clock takes', ({ timerNs }) => timerNs),
    ...stallRows(source, reports, row),
    lockMs(`mmu_lock waited for, ms${each}`, 'waitedMs'),
    lockMs('  held for writing', 'writtenMs'),
    lockMs('  held for reading', 'readMs'),
    stat(`TLB flushes served${each}`, 'tlb_flush'),
    row(
      `harvests${each}`,
      (report) => perPass(report, report.harvests.length),
      kernel === undefined ? '' : count(kernel.harvests),
    ),
    row(
      '  dirty pages in each, mean',
      ({ harvests }) => (harvests.length === 0 ? NOTHING : count(mean(harvests))),
      kernel === undefined ? '' : count(kernel.dirtyPages / Math.max(1, kernel.harvests)),
    ),
    ...(reports.some(({ ksm }) => ksm !== undefined)
      ? [
          row(
            `pages merged by KSM${each}`,
            (report) => perPass(report, report.ksm?.merged ?? 0),
            kernel === undefined ? '' : count(kernel.merged),
          ),
        ]
      : []),
    ...(reports.some(({ slots }) => slots !== undefined)
      ? [
          row('memslots created', ({ slots }) => count(slots?.created ?? 0)),
          row('  deleted', ({ slots }) => count(slots?.deleted ?? 0)),
          row('  moved', ({ slots }) => count(slots?.moved ?? 0)),
        ]
      : []),
    ...(many ? migrationRows(row) : []),
    row('words wrong', ({ integrity }) => count(integrity.wrongWords)),
  ];
}

/** Nothing of the kind was measured. */
const NOTHING = '-';
const nanosecondsOr = (ns: number | undefined): string =>
  ns === undefined ? NOTHING : nanoseconds(ns);

type MakeRow = (name: string, ours: (report: RunReport) => string) => Row;

function stallRows(source: Source, reports: readonly RunReport[], row: MakeRow): Row[] {
  const most = Math.max(...reports.map((report) => report.vcpus));
  const unit = isTrace(source) ? 'ms per pass' : 'ms per second';
  return Array.from({ length: most }, (_, vcpu) =>
    row(`vCPU ${vcpu} stalled, ${unit}`, ({ stall, passes }) => {
      const { ms, ofMs = 0 } = stall[vcpu] ?? {};
      if (ms === undefined || ofMs === 0) return NOTHING;
      return figure(isTrace(source) ? ms / Math.max(1, passes - 1) : (1000 * ms) / ofMs);
    }),
  );
}

const migrationRows = (row: MakeRow): Row[] => [
  row('migrations', ({ migrations }) => count(migrations.length)),
  row('  rounds in each, mean', ({ migrations }) =>
    figure(mean(migrations.map(({ rounds }) => rounds.length))),
  ),
  row('  pages in the last, mean', ({ migrations }) =>
    count(mean(migrations.map(({ rounds }) => rounds.at(-1) ?? 0))),
  ),
  row('  downtime, ms, mean', ({ migrations }) =>
    figure(mean(migrations.map(({ downtimeMs }) => downtimeMs))),
  ),
];

type Kernel = LoadedTrace['plan']['kernel'];

/** All that met a reserved bit, and those that were the first to come by. */
const emulated = ({ mmioFaults, mmioSptes, mmioStale }: Kernel): number =>
  mmioFaults + Math.max(0, mmioSptes - mmioStale);

/** No tracepoint tells of these. */
const remembered = ({ mmioFaults, mmioFast, mmioStale }: Kernel): number =>
  Math.max(0, mmioFaults - mmioFast - mmioStale);

const remainder = (kernel: Kernel): number => {
  const { pageFaults, fastFixed, fastSpurious, setSpte } = kernel;
  return Math.max(0, pageFaults - fastFixed - fastSpurious - setSpte - emulated(kernel));
};

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function verdict(
  { faultPath, stat, integrity, migrations }: RunReport,
  migrate: boolean,
): string[] {
  const { words, ok } = integrity;
  const migrated = plural(migrations.length, 'migrated copy', 'migrated copies');
  const copies = migrations.length > 0 ? `, ${migrated} equal` : '';
  return [
    ...(ok
      ? [`${faultPath}: nothing lost: ${count(words)} words as written${copies}`]
      : [`${faultPath}: INTEGRITY VIOLATED`, ...violations(integrity).map((text) => `  ${text}`)]),
    ...(stat.pf_taken === 0 ? [`${faultPath}: not one fault was measured: run it for longer`] : []),
    ...(migrate && migrations.length === 0
      ? [`${faultPath}: NOT migrated: no memslot of the trace is ever logged`]
      : []),
  ];
}

function violations({ words, lostWrites, damagedFrame, ...found }: Integrity): string[] {
  const counted: [number, string][] = [
    [found.wrongWords, `of ${count(words)} words are not what was written`],
    [found.wrongSptes, 'sptes grant what the host does not, or have illegal bits'],
    [found.changedMergedPages, 'merged pages changed under their sharers'],
    [found.changedKeptPages, 'pages changed that the host had kept'],
    [found.changedAway, 'times that memory changed which no guest had'],
    [found.readerDifferences, 'words that a client of the dirty log was not told of'],
    [found.snapshotDifferences, 'words of snapshots are not of their moment'],
    [found.migrationDifferences, 'words differ between source and destination'],
  ];
  return [
    ...counted.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`),
    ...(damagedFrame ? ['a freed page table was written to'] : []),
    ...lostWrites,
  ];
}

function jsonOf(source: Source, reports: readonly RunReport[]): object {
  return {
    schema: 'faultline/run',
    version: 1,
    guest: isTrace(source) ? undefined : source,
    trace: isTrace(source)
      ? {
          name: source.name,
          summary: source.summary,
          kernel: source.plan.kernel,
          notes: source.plan.notes,
        }
      : undefined,
    reports,
  };
}
