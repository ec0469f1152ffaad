import { describe, expect, it } from 'vitest';
import { AutoConverge } from './auto-converge.ts';

describe('a guest that writes more than half of what a round sends', () => {
  it('is throttled at the second such round, others between them or not', () => {
    const autoConverge = new AutoConverge();
    expect(autoConverge.afterRound(100, 60)).toBe(false);
    expect(autoConverge.afterRound(100, 40)).toBe(false);
    expect(autoConverge.afterRound(100, 60)).toBe(true);
    expect(autoConverge.percent).toBe(20);
  });
});
