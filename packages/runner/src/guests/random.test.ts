import { describe, expect, it } from 'vitest';
import { randomSource } from './random.ts';

const take = (seed: number, count: number, bound: number): number[] => {
  const next = randomSource(seed);
  return Array.from({ length: count }, () => next(bound));
};

describe('a source of random numbers', () => {
  it('gives the same numbers for the same seed', () => {
    expect(take(7, 100, 1000)).toEqual(take(7, 100, 1000));
  });

  it('gives others for another seed', () => {
    const firsts = Array.from({ length: 64 }, (_, seed) => take(seed, 3, 2 ** 31).join());
    expect(new Set(firsts).size).toBe(64);
  });

  it('stays below its bound', () => {
    const numbers = take(1, 10_000, 10);
    expect([Math.min(...numbers), Math.max(...numbers)]).toEqual([0, 9]);
  });

  it('favours none of ten outcomes by more than a tenth', () => {
    const counts = new Array<number>(10).fill(0);
    for (const n of take(3, 100_000, 10)) counts[n] = (counts[n] ?? 0) + 1;
    expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.1);
  });
});
