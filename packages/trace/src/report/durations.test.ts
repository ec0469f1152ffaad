import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Durations, EXACT_BELOW, QUANTILE_ERROR } from './durations.ts';

function durationsOf(values: readonly number[]): Durations {
  const durations = new Durations();
  for (const value of values) durations.add(value);
  return durations;
}

const QUANTILES = [0.001, 0.5, 0.99, 0.999, 1];
const exactly = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1] as number;

describe('durations', () => {
  it('have no quantile while there are none', () => {
    expect(durationsOf([]).quantile(0.5)).toBeNaN();
  });

  it('have exact quantiles while they are few', () => {
    const values = fc.array(fc.nat(), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, (some) => {
        const durations = durationsOf(some);
        expect(QUANTILES.map((q) => durations.quantile(q))).toEqual(
          QUANTILES.map((q) => exactly(some, q)),
        );
      }),
    );
  });

  it('have quantiles within the stated error when they are many', () => {
    const many = fc.array(
      fc.nat({ max: 2 ** 45 }).map((n) => Math.floor(n / 2 ** (n % 40))),
      {
        minLength: EXACT_BELOW,
        maxLength: EXACT_BELOW + 500,
      },
    );
    fc.assert(
      fc.property(many, (some) => {
        const durations = durationsOf(some);
        for (const q of QUANTILES) {
          const exact = exactly(some, q);
          expect(Math.abs(durations.quantile(q) - exact)).toBeLessThanOrEqual(
            exact * QUANTILE_ERROR,
          );
        }
      }),
      { numRuns: 25 },
    );
  });

  it('have an exact count, sum and maximum, however many they are', () => {
    const values = Array.from({ length: 3 * EXACT_BELOW }, (_, n) => n * 977);
    const { count, sum, max } = durationsOf(values);
    expect([count, sum, max]).toEqual([
      values.length,
      values.reduce((total, value) => total + value, 0),
      (values.length - 1) * 977,
    ]);
  });
});
