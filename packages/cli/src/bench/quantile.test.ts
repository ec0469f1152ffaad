import { describe, expect, it } from 'vitest';
import { median, quantile } from './quantile.ts';

describe('a quantile', () => {
  it('is one of the values, in order of size and not of text', () => {
    const values = [100, 9, 20, 3, 1];
    expect([0, 0.1, 0.5, 0.9].map((q) => quantile(values, q))).toEqual([1, 1, 9, 100]);
    expect(median(values)).toBe(9);
  });

  it('leaves the values as they were', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it('is NaN of nothing', () => {
    expect(median([])).toBeNaN();
  });
});
