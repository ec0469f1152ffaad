// `faultline diff` as a user meets it.
import { describe, expect, it } from 'vitest';
import { entry, exit, fast, PROTECTED, pageFault, WRITABLE } from '../../trace/test/fault-lines.ts';
import { faultline, scratch } from './command.ts';
import { counts, text } from './trace-text.ts';

const files = scratch();
const diff = (...words: string[]) => faultline('diff', ...words);

/** Faults of `length` us each. */
const faults = (length: number, n = 100): string[] =>
  Array.from({ length: n }, (_, i) => {
    const us = 1000 * i;
    return [
      entry(us + 10),
      exit(us + 510),
      pageFault(us + 511, i, 7),
      fast(us + 512, i, 'fixed', PROTECTED, WRITABLE),
      entry(us + 510 + length),
    ];
  }).flat();
const quick = files.put('quick.txt', text(...faults(20)));
const slow = files.put('slow.txt', text(...faults(60)));

describe('two traces', () => {
  it('stand side by side, and the worse one ends with 1', async () => {
    const { code, out, err } = await diff(quick, slow);
    expect([code, err]).toEqual([1, '']);
    expect(`\n${out}`).toMatchInlineSnapshot(`
      "
      A quick.txt against B slow.txt
        A: AMD, MMU not known, 1 vCPU, 100 faults in 500 events
        B: AMD, MMU not known, 1 vCPU, 100 faults in 500 events
                                                          A         B    B/A  verdict
        vCPUs with faults                                 1         1  x1.00
        faults                                          100       100  x1.00
        faults by the second                       1,005 /s  1,004 /s  x1.00
        stall, of the vCPUs' time                     2.0 %     6.0 %  x3.00  WORSE
        stall from the dirty log                      2.0 %     6.0 %  x3.00  WORSE
        fast path: fixed without mmu_lock               100       100  x1.00
        fast path: fixed without mmu_lock, of all   100.0 %   100.0 %  x1.00
        fast path: fixed without mmu_lock, p50      20.0 us   60.0 us  x3.00  WORSE
        fast path: fixed without mmu_lock, p99      20.0 us   60.0 us  x3.00  too few
        fast path: fixed without mmu_lock, p99.9    20.0 us   60.0 us  x3.00  too few
        vCPU 0 stall, of its time                     2.0 %     6.0 %  x3.00  WORSE
        vCPU 0 stall from the dirty log               2.0 %     6.0 %  x3.00  WORSE
        vCPU 0 longest fault                        20.0 us   60.0 us  x3.00  too few
        protection faults repaired fast             100.0 %   100.0 %  x1.00  same

      5 figures are worse by more than 10 %, 0 better
        => worse: stall, of the vCPUs' time, x3.00
        => worse: stall from the dirty log, x3.00
        => worse: fast path: fixed without mmu_lock, p50, x3.00
        => worse: vCPU 0 stall, of its time, x3.00
        => worse: vCPU 0 stall from the dirty log, x3.00
        => 3 changes on too few faults to mean anything: trace for longer
      "
    `);
  });

  it('fit a mail', async () => {
    const { out } = await diff(quick, slow);
    expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it.each([
    ['the better one', [slow, quick], 0],
    ['the same', [slow, slow], 0],
    ['worse within the threshold', [quick, slow, '--threshold', '250%'], 0],
    ['worse beyond it', [quick, slow, '--threshold', '150%'], 1],
    ['worse, but not by what is asked for', [quick, slow, '--key', 'fast.,races'], 0],
  ])('exit as it is: %s', async (_, words, expected) => {
    expect((await diff(...words)).code).toBe(expected);
  });

  it('are JSON with a schema', async () => {
    const parsed = JSON.parse((await diff(quick, slow, '--json', '-k', 'kind.fast_fixed.p50')).out);
    expect(parsed).toMatchObject({
      schema: 'faultline/diff',
      version: 1,
      threshold: 0.1,
      worse: ['kind.fast_fixed.p50'],
      figures: [{ key: 'kind.fast_fixed.p50', a: 20_000, b: 60_000, ratio: 3, verdict: 'worse' }],
    });
  });

  it('are Markdown', async () => {
    const { out } = await diff(quick, slow, '-f', 'md', '-k', 'kind.fast_fixed.p50');
    expect(out).toContain(
      '| fast path: fixed without mmu\\_lock, p50 | 20.0 us | 60.0 us | x3.00 | WORSE |',
    );
  });
});

describe('a comparison that cannot be', () => {
  const ticks = text(...faults(20)).replace(/0\.(\d{6}):/g, (_, digits) => `9000${digits}:`);
  const ofTicks = files.put('ticks.txt', ticks);

  it.each([
    [[quick, ofTicks], 2, 'expected two traces with the same clock, got ns and ticks'],
    [
      [quick, slow, '--threshold', 'much'],
      2,
      "--threshold: expected a percentage as 10%, got 'much'",
    ],
    [[quick, slow, '--key', 'nothing'], 2, "--key: expected keys of figures, got 'nothing'"],
    [[quick], 2, 'expected B, got nothing'],
    [
      [quick, `${files.path}/missing`],
      3,
      `${files.path}/missing: expected a readable file, got no such file`,
    ],
  ])('says why: %s', async (words, code, message) => {
    expect(await diff(...words)).toEqual({ code, out: '', err: `faultline: ${message}\n` });
  });

  it('with a trace that lost events is strict only where asked to be', async () => {
    const lossy = files.put('lossy.txt', text(counts(500, 600), ...faults(20)));
    const { code, out } = await diff(quick, lossy);
    expect(code).toBe(0);
    expect(out).toContain('\n  B: 100 events LOST: overwritten before they were read\n');
    expect(JSON.parse((await diff(quick, lossy, '--json')).out).gaps[1]).toContain(
      '100 events LOST: overwritten before they were read',
    );
    expect((await diff(quick, lossy, '--strict')).code).toBe(3);
  });
});
