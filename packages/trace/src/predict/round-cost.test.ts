import { describe, expect, it } from 'vitest';
import { roundCostOf } from './round-cost.ts';

const harvest = (pages: number, ms: number) => ({ pages, seconds: ms / 1e3 });

describe('harvests of several sizes', () => {
  it('tell what each costs and what each page costs', () => {
    const cost = roundCostOf([harvest(1000, 3), harvest(2000, 5), harvest(4000, 9)]);
    expect(cost?.ms).toBeCloseTo(1, 9);
    expect(cost?.nsPerPage).toBeCloseTo(2000, 6);
  });

  it('that take no longer for more pages cost the same each', () => {
    const cost = roundCostOf([harvest(1000, 6), harvest(2000, 4)]);
    expect(cost).toEqual({ ms: 5, nsPerPage: 0 });
  });

  it('cost nothing but their pages, where the line would begin below nothing', () => {
    const cost = roundCostOf([harvest(1000, 1), harvest(2000, 5)]);
    expect(cost?.ms).toBe(0);
    expect(cost?.nsPerPage).toBeCloseTo(2000, 6);
  });
});

describe('harvests of one size', () => {
  it('are taken to cost by the page', () => {
    const cost = roundCostOf([harvest(1000, 4), harvest(1000, 6)]);
    expect(cost?.ms).toBe(0);
    expect(cost?.nsPerPage).toBeCloseTo(5000, 6);
  });

  it('that found nothing cost what they took', () => {
    expect(roundCostOf([harvest(0, 4)])).toEqual({ ms: 4, nsPerPage: 0 });
  });
});

describe('no harvest', () => {
  it('says nothing', () => {
    expect(roundCostOf([])).toBeUndefined();
  });
});
