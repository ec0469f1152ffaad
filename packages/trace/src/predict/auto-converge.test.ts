import { describe, expect, it } from 'vitest';
import { Throttle } from './auto-converge.ts';

const bad = [100, 60, 2] as const;
const good = [100, 40, 2] as const;

describe("QEMU's auto-converge", () => {
  it('throttles at the second bad round, after a good one too', () => {
    const throttle = new Throttle(1);
    throttle.afterRound(...bad);
    throttle.afterRound(...good);
    expect(throttle.percent).toBe(0);
    throttle.afterRound(...bad);
    expect(throttle.percent).toBe(20);
  });

  it('never throttles for good rounds', () => {
    const throttle = new Throttle(1);
    for (let round = 0; round < 10; round++) throttle.afterRound(...good);
    expect(throttle.percent).toBe(0);
  });
});
