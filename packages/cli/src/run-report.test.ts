import { GUESTS, type GuestName, type RunReport } from '@faultline/runner';
import { describe, expect, it } from 'vitest';
import { damaged, loaded, PATHS, report } from '../test/reports.ts';
import { runReport } from './run-report.ts';
import type { LoadedTrace } from './trace-input.ts';

const linesOf = (
  source: GuestName | LoadedTrace,
  reports: readonly RunReport[],
  { migrate = false } = {},
): string[] => runReport(source, reports, { json: false, migrate }).split('\n');

/** The cells of a row by its name. */
const row = (lines: readonly string[], name: string): string[] => {
  const line = lines.find((text) => text.trim().startsWith(name)) ?? '';
  return line
    .trim()
    .slice(name.length)
    .split(/ {2,}/)
    .filter((cell) => cell !== '');
};

const each = (of: Partial<RunReport> = {}) =>
  PATHS.map((faultPath) => report({ faultPath, ...of }));

describe('the report of a guest program', () => {
  const lines = linesOf('zipf', each());

  it('begins with what ran, and on what', () => {
    expect(lines.slice(0, 3)).toEqual([
      'guest zipf: writes a few pages often, most rarely',
      '  1,024 pages, 2 vCPUs',
      '  slow: always mmu_lock; merged: fast path of 2012; current: fast path of 6.12',
    ]);
  });

  it('says which MMU mapped it, where that is not the TDP MMU', () => {
    expect(linesOf('zipf', [report({ mmu: 'legacy' })])[1]).toBe(
      '  1,024 pages, 2 vCPUs, legacy MMU',
    );
  });

  it('has a column for each fault path', () => {
    expect(lines[4]?.trim().split(/ +/)).toEqual(['slow', 'merged', 'current']);
  });

  it('says which paths ran, and of no other', () => {
    expect(linesOf('zipf', [report()])[2]).toBe('  current: fast path of 6.12');
  });

  it('has the share of faults that took no lock', () => {
    expect(row(lines, 'share without mmu_lock')).toEqual(['60.0 %', '60.0 %', '60.0 %']);
  });

  it('has the stall of each vCPU in a second', () => {
    expect(row(lines, 'vCPU 1 stalled, ms per second')[0]).toBe('12.5');
  });

  it('has harvests as they were', () => {
    expect([row(lines, 'harvests')[0], row(lines, 'dirty pages in each, mean')[0]]).toEqual([
      '2',
      '15',
    ]);
  });

  it('ends with one verdict for each path', () => {
    expect(lines.slice(-4)).toEqual([
      'slow: nothing lost: 1,048,576 words as written',
      'merged: nothing lost: 1,048,576 words as written',
      'current: nothing lost: 1,048,576 words as written',
      '',
    ]);
  });

  it.each(Object.keys(GUESTS) as GuestName[])('fits 80 columns: %s', (name) => {
    const reports = each({ migrations: MIGRATIONS, vcpus: 64, pages: 3_728_213 });
    expect(linesOf(name, reports).filter((line) => line.length > 80)).toEqual([]);
  });
});

const MIGRATIONS = Array.from({ length: 1234 }, () => ({
  rounds: [1024, 30, 2],
  downtimeMs: 0.5,
  differences: 0,
}));

describe('what was not measured', () => {
  const nothing = report({
    latency: { p50: 0, p99: 0, p999: 0, p9999: 0, max: 0, count: 0 },
    meanNs: undefined,
    timedMeanNs: undefined,
    stall: [
      { ms: undefined, ofMs: 800 },
      { ms: 0, ofMs: 0 },
    ],
    harvests: [],
  });
  const lines = linesOf('zipf', [nothing]);

  it.each([
    "mean fault with guest's work",
    'mean fault by itself',
    'write-protection fault p50',
    'p99',
    'p99.9',
    'p99.99',
    'of which the clock takes',
    'vCPU 0 stalled, ms per second',
    'vCPU 1 stalled, ms per second',
    'dirty pages in each, mean',
  ])('is a dash, not a zero: %s', (name) => {
    expect(row(lines, name)).toEqual(['-']);
  });

  it('is said aloud when it is every fault', () => {
    const idle = report({ stat: { ...report().stat, pf_taken: 0 } });
    expect(linesOf('zipf', [idle])).toContain(
      'current: not one fault was measured: run it for longer',
    );
  });
});

describe('the report of a trace', () => {
  const reports = each({ passes: 5 });
  const lines = linesOf(loaded(), reports);

  it('begins with its name, how much was read, and that nothing was lost', () => {
    expect(lines.slice(0, 2)).toEqual(['a.txt: 90 events, none lost', '  1,024 pages, 2 vCPUs']);
  });

  it('has the kernel beside the fault paths', () => {
    expect(lines[4]?.trim().split(/ +/)).toEqual(['kernel', 'slow', 'merged', 'current']);
  });

  it('has faults per pass, without the first pass, which warms up', () => {
    expect(row(lines, 'faults per pass')).toEqual(['200', '250', '250', '250']);
  });

  it("has the kernel's own figures for what it has a figure for", () => {
    expect([
      row(lines, 'repaired without mmu_lock')[0],
      row(lines, 'spurious: repaired already')[0],
      row(lines, 'mapped under mmu_lock')[0],
      row(lines, 'stale page fault, retried')[0],
      row(lines, 'share without mmu_lock')[0],
      row(lines, 'dirty pages in each, mean')[0],
    ]).toEqual(['100', '4', '60', '36', '50.0 %', '11']);
  });

  it('has the times of mmu_lock per pass, the first included', () => {
    expect([
      row(lines, 'mmu_lock waited for, ms per pass')[0],
      row(lines, 'held for writing')[0],
      row(lines, 'held for reading')[0],
    ]).toEqual(['2.40', '4.80', '7.20']);
  });

  it('has pages merged where pages were to be merged', () => {
    const ksm = { scans: 1, merged: 50, raced: 0, changed: 0 };
    const merging = linesOf(loaded(), [report({ passes: 5, ksm })]);
    expect(row(merging, 'pages merged by KSM per pass')).toEqual(['8', '10']);
  });

  it('says when fewer vCPUs played it', () => {
    expect(linesOf(loaded(), [report({ vcpus: 1, passes: 3 })])[1]).toBe(
      "  1,024 pages, 1 vCPU in the place of the trace's 2",
    );
  });

  it('has the notes on what is played otherwise', () => {
    expect(linesOf(loaded({}, { notes: ['dirty ring: ...'] }), reports)[2]).toBe(
      '  dirty ring: ...',
    );
  });

  it('fits 80 columns with three paths, the kernel, and millions of faults', () => {
    const stat = { ...report().stat, pf_taken: 39_999_996, pf_fast: 39_999_996 };
    const lock = { waits: 1, waitedMs: 4_999_999, writes: 1, writtenMs: 9, readMs: 9 };
    const kernel = { ...loaded().plan.kernel, pageFaults: 9_999_999, fastFixed: 9_999_999 };
    const many = each({ passes: 5, stat, lock, migrations: MIGRATIONS, pages: 3_728_213 });
    const wide = linesOf(loaded({ events: 99_999_999 }, { kernel }), many, { migrate: true });
    expect(wide.filter((line) => line.length > 80)).toEqual([]);
  });
});

describe('what a trace lacks', () => {
  const heading = (summary: Parameters<typeof loaded>[0]): string[] => {
    const lines = linesOf(loaded(summary), [report({ passes: 3 })]);
    return lines.slice(0, lines.indexOf(''));
  };
  const lost = { overwritten: 0, reported: 0, dropped: 0, unnumbered: 0, missing: 0 };

  it.each([
    ['overwritten', { ...lost, overwritten: 40 }, '40 LOST'],
    ['reported and overwritten', { ...lost, overwritten: 1200, reported: 34 }, '1,234 LOST'],
    ['reported without a number', { ...lost, unnumbered: 1 }, 'some LOST'],
    ['reported, one without a number', { ...lost, reported: 7, unnumbered: 1 }, 'more than 7 LOST'],
  ])('is said aloud: events %s', (_, events, said) => {
    expect(heading({ lost: events })[0]).toBe(`a.txt: 90 events, ${said}`);
  });

  it('is not lost when only the file is a part', () => {
    expect(heading({ lost: { ...lost, missing: 43_092 }, truncated: true })).toEqual([
      'a.txt: 90 events, none lost',
      '  1,024 pages, 2 vCPUs',
      '  the file ends too early; its sound part is played',
      '  its header counts 43,092 more events than it holds',
      '  current: fast path of 6.12',
    ]);
  });

  it('is said aloud: what could not be read, with the first and what was expected', () => {
    const errors = [{ place: 'line 17', line: 17, text: 'oops', expected: 'vcpu ' }];
    expect(heading({ errors, errorCount: 1 })).toContain(
      '  1 place could not be read, from line 17 on:',
    );
    expect(heading({ errors, errorCount: 1 })).toContain('    expected vcpu ');
  });
});

describe('the report of a migrated guest', () => {
  it('has rounds, pages and downtime', () => {
    const lines = linesOf('zipf', [report({ migrations: MIGRATIONS })], { migrate: true });
    expect([
      row(lines, 'migrations'),
      row(lines, 'rounds in each, mean'),
      row(lines, 'pages in the last, mean'),
      row(lines, 'downtime, ms, mean'),
    ]).toEqual([['1,234'], ['3.00'], ['2'], ['0.50']]);
  });

  it.each([
    [1, '1 migrated copy equal'],
    [2, '2 migrated copies equal'],
  ])('says that %i copies were equal', (n, said) => {
    const lines = linesOf('zipf', [report({ migrations: MIGRATIONS.slice(0, n) })]);
    expect(lines.at(-2)).toBe(`current: nothing lost: 1,048,576 words as written, ${said}`);
  });

  it('says when nothing was migrated though it was asked for', () => {
    const lines = linesOf(loaded(), [report({ passes: 3 })], { migrate: true });
    expect(lines).toContain('current: NOT migrated: no memslot of the trace is ever logged');
  });
});

describe('the verdict on a run that lost something', () => {
  const verdict = (of: Parameters<typeof damaged>[0]): string[] => {
    const lines = linesOf('zipf', [damaged(of)]);
    return lines.slice(
      lines.findIndex((line) => line.includes('INTEGRITY VIOLATED')),
      -1,
    );
  };

  it.each([
    [{ wrongWords: 3 }, '3 of 1,048,576 words are not what was written'],
    [{ wrongSptes: 2 }, '2 sptes grant what the host does not, or have illegal bits'],
    [{ changedMergedPages: 1 }, '1 merged pages changed under their sharers'],
    [{ changedKeptPages: 1 }, '1 pages changed that the host had kept'],
    [{ changedAway: 1 }, '1 times that memory changed which no guest had'],
    [{ migrationDifferences: 9 }, '9 words differ between source and destination'],
    [{ damagedFrame: true }, 'a freed page table was written to'],
    [{ lostWrites: ['vCPU 0 gfn 0x5 word 1: ...'] }, 'vCPU 0 gfn 0x5 word 1: ...'],
  ])('says what, and nothing else: %j', (of, said) => {
    expect(verdict(of)).toEqual(['current: INTEGRITY VIOLATED', `  ${said}`]);
  });
});

describe('the JSON of a run', () => {
  const parse = (source: GuestName | LoadedTrace, reports: readonly RunReport[]) =>
    JSON.parse(runReport(source, reports, { json: true, migrate: false }));

  it('is one line', () => {
    expect(runReport('zipf', each(), { json: true, migrate: false })).toMatch(/^[^\n]+\n$/);
  });

  it('says what it is', () => {
    expect(parse('zipf', each())).toMatchObject({ schema: 'faultline/run', version: 1 });
  });

  it('names the guest, or the trace with what was read of it', () => {
    expect(parse('zipf', each())).toMatchObject({ guest: 'zipf' });
    expect(parse(loaded(), each())).toMatchObject({
      trace: { name: 'a.txt', summary: { events: 90 }, kernel: { pageFaults: 200 }, notes: [] },
    });
  });

  it('has each report whole', () => {
    const reports = each();
    expect(parse('zipf', reports).reports).toEqual(JSON.parse(JSON.stringify(reports)));
  });
});
