// What `run` prints: one column per fault path, the kernel's own figures beside them where a trace was played.
import type { GuestName, RunReport } from '@faultline/machine';
import { count, figure, formatTable, nanoseconds, percent, type Row } from './table.ts';
import type { LoadedTrace } from './trace-input.ts';

type Source = GuestName | LoadedTrace;

export function runReport(
  source: Source,
  reports: readonly RunReport[],
  { json }: { readonly json: boolean },
): string {
  if (json) return `${JSON.stringify(jsonOf(source, reports))}\n`;
  const head = heading(source, reports);
  const table = formatTable(
    [...(isTrace(source) ? ['kernel'] : []), ...reports.map(({ faultPath }) => faultPath)],
    rows(source, reports),
  );
  return `${[...head, '', table, '', ...verdict(reports)].join('\n')}\n`;
}

const isTrace = (source: Source): source is LoadedTrace => typeof source !== 'string';

function heading(source: Source, reports: readonly RunReport[]): string[] {
  const [first] = reports as readonly [RunReport];
  const size = `${count(first.pages)} pages, ${first.vcpus} vCPU${first.vcpus === 1 ? '' : 's'}`;
  if (!isTrace(source)) return [`guest ${source}: ${size} on threads of their own`];
  const { name, summary, plan } = source;
  const { lost } = summary;
  const missing = lost.overwritten + lost.reported + lost.missing;
  return [
    `${name}: ${count(summary.events)} events, ${missing === 0 ? 'none lost' : `${count(missing)} LOST`}; ${size}`,
    ...(summary.truncated ? ['the file ends too early; its sound part is played'] : []),
    ...(summary.errorCount > 0 ? [`${count(summary.errorCount)} lines could not be read`] : []),
    ...plan.notes,
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
  const many = reports.some(({ migrations }) => migrations.length > 0);
  return [
    ...(kernel === undefined ? [] : [row('passes', ({ passes }) => count(passes), '1')]),
    stat(`faults${each}`, 'pf_taken', kernel?.pageFaults),
    stat('  repaired without the lock', 'pf_fast', kernel?.fastFixed),
    stat('  found repaired already', 'pf_spurious', kernel?.fastSpurious),
    stat('  lost the exchange, again', 'pf_fast_retry'),
    stat('  mapped under mmu_lock', 'pf_slow', kernel?.setSpte),
    row(
      '  overtaken, faulted again',
      (report) => measured(report, report.stat.pf_retry),
      kernel === undefined ? '' : count(remainder(kernel)),
    ),
    stat('  no memory there', 'pf_emulate'),
    row(
      'share without the lock',
      ({ stat: { pf_fast, pf_taken } }) => percent(pf_fast, pf_taken),
      kernel === undefined ? '' : percent(kernel.fastFixed, kernel.pageFaults),
    ),
    row('mean per fault, in batches', ({ meanNs }) =>
      meanNs === undefined ? '-' : nanoseconds(meanNs),
    ),
    row('mean per fault, timed', ({ timedMeanNs }) => nanoseconds(timedMeanNs)),
    row('write-protection fault p50', ({ latency }) => nanoseconds(latency.p50)),
    row('  p99', ({ latency }) => nanoseconds(latency.p99)),
    row('  p99.9', ({ latency }) => nanoseconds(latency.p999)),
    row('  p99.99', ({ latency }) => nanoseconds(latency.p9999)),
    row("  the clock's part of each", ({ timerNs }) => nanoseconds(timerNs)),
    ...stallRows(source, reports, row),
    row('mmu_lock waited for, ms', ({ lock }) => figure(lock.waitedMs)),
    row('  held for writing, ms', ({ lock }) => figure(lock.writtenMs)),
    row('  held for reading, ms', ({ lock }) => figure(lock.readMs)),
    stat(`TLB flushes served${each}`, 'tlb_flush'),
    row(
      `harvests${each}`,
      (report) => perPass(report, report.harvests.length),
      kernel === undefined ? '' : count(kernel.harvests),
    ),
    row(
      '  dirty pages in each, mean',
      ({ harvests }) => count(mean(harvests)),
      kernel === undefined ? '' : count(kernel.dirtyPages / Math.max(1, kernel.harvests)),
    ),
    ...(reports.some(({ ksm }) => ksm !== undefined)
      ? [row(`pages merged by KSM${each}`, (report) => perPass(report, report.ksm?.merged ?? 0))]
      : []),
    ...(many ? migrationRows(row) : []),
    row('words wrong', ({ integrity }) => count(integrity.wrongWords)),
  ];
}

type MakeRow = (name: string, ours: (report: RunReport) => string) => Row;

function stallRows(source: Source, reports: readonly RunReport[], row: MakeRow): Row[] {
  const vcpus = Math.max(...reports.map((report) => report.vcpus));
  const unit = isTrace(source) ? 'ms per pass' : 'ms per second';
  return Array.from({ length: vcpus }, (_, vcpu) =>
    row(`vCPU ${vcpu} stalled, ${unit}`, ({ stall, passes }) => {
      const { ms = 0, ofMs = 1 } = stall[vcpu] ?? {};
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

const remainder = (kernel: LoadedTrace['plan']['kernel']): number =>
  Math.max(0, kernel.pageFaults - kernel.fastFixed - kernel.fastSpurious - kernel.setSpte);

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function verdict(reports: readonly RunReport[]): string[] {
  return reports.map(({ faultPath, integrity, migrations }) => {
    const { words, ok } = integrity;
    const copies =
      migrations.length > 0 ? `, ${count(migrations.length)} migrated copies equal` : '';
    if (ok)
      return `${faultPath}: nothing lost: ${count(words)} words are what was written${copies}`;
    return [
      `${faultPath}: INTEGRITY VIOLATED`,
      `  ${count(integrity.wrongWords)} of ${count(words)} words are not what was written`,
      `  ${count(integrity.wrongSptes)} sptes grant what the host does not, or have illegal bits`,
      `  ${count(integrity.changedMergedPages)} merged pages changed under their sharers`,
      `  ${count(integrity.migrationDifferences)} words differ between source and destination`,
      ...(integrity.damagedFrame ? ['  a freed page table was written to'] : []),
      ...integrity.lostWrites.map((text) => `  ${text}`),
    ].join('\n');
  });
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
