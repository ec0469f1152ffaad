import { describe, expect, it } from 'vitest';
import {
  at,
  entry,
  exit,
  fast,
  HUGE_PROTECTED,
  marker,
  NOTHING,
  PROTECTED,
  pageFault,
  setSpte,
  WRITABLE,
} from '../../test/fault-lines.ts';
import { reportOf } from '../../test/report-of.ts';
import type { Report } from '../report/report.ts';
import { type CompareOptions, type Comparison, compareReports } from './compare.ts';

/** A vCPU that runs for 100 us and then faults for `length` us, `n` times over. */
function faults(length: number, n = 1500): Report {
  return reportOf(
    Array.from({ length: n }, (_, i) => {
      const us = 1000 * i;
      return [
        entry(us + 10),
        exit(us + 110),
        pageFault(us + 111, i, 7),
        fast(us + 112, i, 'fixed', PROTECTED, WRITABLE),
        entry(us + 110 + length),
      ];
    }).flat(),
  );
}

/** Of that many rounds of 2 ms, in each twenty writes that meet a huge page and twenty full rings. */
function migration(rounds: number): Report {
  const write = (us: number, gfn: number): string[] => [
    entry(us),
    exit(us + 20),
    pageFault(us + 21, gfn, 7),
    fast(us + 22, gfn, 'invalid', HUGE_PROTECTED),
    entry(us + 50),
    exit(us + 60, 'interrupt'),
    at(us + 61, 'kvm_dirty_ring_exit: vcpu 0'),
  ];
  const harvest = { ev: 'get_dirty_log', slot: 0, round: 0 };
  const round = (from: number): string[] => [
    ...Array.from({ length: 20 }, (_, n) => write(from + 95 * n, 512 * n)).flat(),
    marker(from + 1990, { ...harvest, at: 'begin' }),
    marker(from + 1995, { ...harvest, at: 'end', pages: 64, dirty: 0, errno: 0 }),
  ];
  const slot = { ev: 'memslot', op: 'flags', slot: 0, gpa: '0x0', size: 0x40000 };
  return reportOf([
    marker(0, { ...slot, at: 'end', hva: '0x0', flags: 1, errno: 0 }),
    ...Array.from({ length: rounds }, (_, n) => round(2000 * n)).flat(),
  ]);
}

const TEN: CompareOptions = { threshold: 0.1 };
const P50 = 'kind.fast_fixed.p50';
const find = (rows: readonly Comparison[], key: string): Comparison | undefined =>
  rows.find((row) => row.key === key);
const verdict = (a: Report, b: Report, key: string, options = TEN): string | undefined =>
  find(compareReports(a, b, options), key)?.verdict;

describe('two traces', () => {
  it('that are the same have nothing worse or better', () => {
    const rows = compareReports(faults(50), faults(50), TEN);
    expect(rows.filter(({ verdict: of }) => of !== 'same' && of !== 'neutral')).toEqual([]);
    expect(rows.length).toBeGreaterThan(15);
  });

  it('of which one is slower say so, with the ratio', () => {
    const rows = compareReports(faults(50), faults(100), TEN);
    expect(find(rows, P50)).toMatchObject({ a: 50_000, b: 100_000, ratio: 2, verdict: 'worse' });
    expect(find(rows, 'stall')).toMatchObject({ verdict: 'worse' });
  });

  it('of which one is faster say that', () => {
    expect(verdict(faults(100), faults(50), P50)).toBe('better');
  });

  it('differ by less than the threshold and are the same', () => {
    expect(verdict(faults(100), faults(109), P50)).toBe('same');
    expect(verdict(faults(100), faults(112), P50)).toBe('worse');
    expect(verdict(faults(100), faults(109), P50, { threshold: 0.05 })).toBe('worse');
  });

  it('differ by less than a microsecond, which text does not tell apart, and are the same', () => {
    const nearly = faults(2);
    const kinds = nearly.kinds.map((row) => ({ ...row, p50: 2_900 }));
    expect(verdict(nearly, { ...nearly, kinds }, P50)).toBe('same');
  });

  it('are not judged by a quantile of a few faults', () => {
    expect(verdict(faults(50, 30), faults(100, 30), P50)).toBe('shaky');
    expect(verdict(faults(50), faults(100), 'kind.fast_fixed.p999')).toBe('shaky');
  });

  it('are not judged by how much was traced', () => {
    expect(verdict(faults(50, 1500), faults(50, 1900), 'faults')).toBe('neutral');
    const rows = compareReports(migration(1), migration(3), TEN);
    expect(rows.filter(({ verdict: of }) => of === 'worse' || of === 'better')).toEqual([]);
    expect(find(rows, 'log_full')).toMatchObject({ a: 20, b: 60 });
  });

  it('may have figures that the other has not', () => {
    const mapped = reportOf([entry(10), exit(20), pageFault(21, 1, 6), setSpte(30, 1), entry(60)]);
    expect(find(compareReports(faults(50), mapped, TEN), 'kind.slow_map.p50')).toMatchObject({
      a: undefined,
      b: 40_000,
      ratio: undefined,
      verdict: 'only in one',
    });
  });

  it('lose the fast path, and that is worse: higher is better there', () => {
    const declined = reportOf([
      entry(10),
      exit(20),
      pageFault(21, 1, 7),
      fast(30, 1, 'invalid', NOTHING),
      entry(60),
    ]);
    const row = find(compareReports(faults(50), declined, TEN), 'fast.share');
    expect(row).toMatchObject({ a: 1, b: 0, ratio: 0, verdict: 'worse' });
  });

  it('are compared by some figures alone, where that is asked', () => {
    const rows = compareReports(faults(50), faults(50), { ...TEN, keys: ['vcpu.', 'fast.share'] });
    expect(rows.map(({ key }) => key)).toEqual([
      'vcpu.0.stall',
      'vcpu.0.stall.logging',
      'vcpu.0.longest',
      'fast.share',
    ]);
  });

  it('with different clocks are refused', () => {
    const ticks = { ...faults(50), unit: 'ticks' } as const;
    expect(() => compareReports(faults(50), ticks, TEN)).toThrow(/same clock/);
  });
});
