import { describe, expect, it } from 'vitest';
import { formatBars } from './bar.ts';

const verdicts = (...bars: Parameters<typeof formatBars>[0]): (string | undefined)[] =>
  formatBars(bars)
    .split('\n')
    .slice(1)
    .map((line) => /met|MISSED/.exec(line)?.[0]);

const bar = { name: 'one : other', detail: '4 ns : 2 ns' };

describe('figures with bars', () => {
  it('say what was measured, and the bar beside it', () => {
    expect(formatBars([{ ...bar, value: 2, bar: 3 }])).toBe(
      ['             ratio   bar', 'one : other   2.00  <= 3  met   4 ns : 2 ns'].join('\n'),
    );
  });

  it('meet a bar that they reach from the right side', () => {
    const most = [2.9, 3, 3.1].map((value) => ({ ...bar, value, bar: 3 }));
    const least = [2.9, 3, 3.1].map((value) => ({ ...bar, value, bar: 3, atLeast: true as const }));
    expect(verdicts(...most, ...least)).toEqual(['met', 'met', 'MISSED', 'MISSED', 'met', 'met']);
  });

  it('neither meet nor miss a bar where nothing could be measured', () => {
    const nothing = [undefined, Number.NaN].map((value) => ({ ...bar, value, bar: 3 }));
    expect(verdicts(...nothing)).toEqual([undefined, undefined]);
    expect(formatBars(nothing)).not.toContain('NaN');
  });

  it('have no verdict without a bar', () => {
    expect(verdicts({ ...bar, value: 7 })).toEqual([undefined]);
  });
});
