import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEAST_GAP, touchedRanges } from './touched-ranges.ts';

const MiB128 = LEAST_GAP;

describe('ranges around what was touched', () => {
  it('are none where nothing was', () => {
    expect(touchedRanges([], 32)).toEqual([]);
  });

  it('are as long as from the first touch to the last, in any order', () => {
    expect(touchedRanges([9, 3, 5, 3], 32)).toEqual([{ from: 3, to: 10 }]);
  });

  it('are apart where 128 MiB lie between', () => {
    const far = 5 + MiB128;
    expect(touchedRanges([5, far], 32)).toEqual([
      { from: 5, to: 6 },
      { from: far, to: far + 1 },
    ]);
  });

  it('are one where less lies between', () => {
    expect(touchedRanges([5, 4 + MiB128], 32)).toEqual([{ from: 5, to: 5 + MiB128 }]);
  });

  it('are apart at the widest gaps when there may not be so many', () => {
    const gfns = [0, 4 * MiB128, 6 * MiB128, 20 * MiB128];
    expect(touchedRanges(gfns, 2)).toEqual([
      { from: 0, to: 6 * MiB128 + 1 },
      { from: 20 * MiB128, to: 20 * MiB128 + 1 },
    ]);
  });

  it('hold every touch, in order, apart, and never too many', () => {
    const gfns = fc.array(fc.nat({ max: 40 * MiB128 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(gfns, fc.integer({ min: 1, max: 32 }), (touched, most) => {
        const ranges = touchedRanges(touched, most);
        expect(ranges.length).toBeLessThanOrEqual(most);
        for (const gfn of touched) {
          expect(ranges.filter(({ from, to }) => gfn >= from && gfn < to)).toHaveLength(1);
        }
        ranges.reduce(
          (before, range) => {
            expect(range.from - before.to + 1).toBeGreaterThanOrEqual(MiB128);
            return range;
          },
          { from: 0, to: -MiB128 },
        );
      }),
    );
  });
});
