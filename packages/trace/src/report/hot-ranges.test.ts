import { describe, expect, it } from 'vitest';
import { HotRanges } from './hot-ranges.ts';

describe('ranges of guest memory', () => {
  it('are ranked by what their faults cost', () => {
    const ranges = new HotRanges();
    ranges.add(0x100, true, 10);
    ranges.add(0x10a, false, 5);
    ranges.add(0x2000, false, 90);
    expect(ranges.ranked(1)).toEqual([
      { firstGfn: 0x2000, lastGfn: 0x2000, faults: 1, fast: 0, stall: 90 },
      { firstGfn: 0x100, lastGfn: 0x10a, faults: 2, fast: 1, stall: 15 },
    ]);
  });

  it('grow rather than become many, and lose nothing', () => {
    const ranges = new HotRanges();
    const faults = 300_000;
    for (let n = 0; n < faults; n++) ranges.add(n * 7, n % 2 === 0, 1);
    const ranked = ranges.ranked(1);
    const total = (of: 'faults' | 'fast' | 'stall'): number =>
      ranked.reduce((sum, range) => sum + range[of], 0);
    expect(ranked.length).toBeLessThanOrEqual(64);
    expect([total('faults'), total('fast'), total('stall')]).toEqual([faults, faults / 2, faults]);
  });

  it('say the pages that really faulted, not those of a grid', () => {
    const ranges = new HotRanges();
    ranges.add(0x1005, false, 1);
    expect(ranges.ranked(1)[0]).toMatchObject({ firstGfn: 0x1005, lastGfn: 0x1005 });
  });
});
