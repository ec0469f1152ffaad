import { describe, expect, it } from 'vitest';
import { StallTimeline } from './stall-timeline.ts';

describe('the stall of a vCPU over time', () => {
  it('is all of it, summed over all of the time', () => {
    const timeline = new StallTimeline(1000);
    for (let n = 0; n < 100; n++) timeline.add(1000 + n * 5000, 1000 + n * 5000 + 70);
    expect(timeline.sum(0, 1e9)).toBeCloseTo(7000, 6);
  });

  it('is that of a part, but for the slices at its ends', () => {
    const timeline = new StallTimeline(0);
    for (let at = 0; at < 20e6; at += 1000) timeline.add(at, at + 100); // a tenth of 20 s
    expect(timeline.precision).toBeLessThanOrEqual(4096);
    const part = timeline.sum(5e6, 7.5e6);
    expect(Math.abs(part - 250_000)).toBeLessThanOrEqual(2 * 0.1 * timeline.precision + 100);
  });

  it('keeps what it had when it grows', () => {
    const timeline = new StallTimeline(0);
    timeline.add(10, 30);
    timeline.add(9e9, 9e9 + 50); // hours later
    expect(timeline.sum(0, 1e10)).toBeCloseTo(70, 6);
    expect(timeline.sum(1e9, 8e9)).toBe(0);
  });

  it('spreads one long fault over the time that it took', () => {
    const timeline = new StallTimeline(0);
    timeline.add(0, 400_000);
    expect(timeline.sum(100_000, 200_000)).toBeCloseTo(100_000, 6);
  });
});
