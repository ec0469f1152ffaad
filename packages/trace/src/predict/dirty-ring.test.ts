import { describe, expect, it } from 'vitest';
import type { DirtyLoad } from './dirty-load.ts';
import { ringOutlook } from './dirty-ring.ts';

/** 10,000 other pages each second. */
const load: DirtyLoad = {
  pageSize: 4096,
  memoryPages: 1e6,
  leastSeconds: 0,
  watchedSeconds: 1,
  windows: 1,
  written: (seconds) => 10_000 * seconds,
};
const FREE = { ms: 0, nsPerPage: 0 };
const outlook = (size: number, vcpuShares: number[], reapIntervalMs?: number, cost = FREE) =>
  ringOutlook(load, 0, { size, vcpuShares, reapIntervalMs }, cost);

describe('rings that are emptied by the clock', () => {
  it('stop each vCPU from when its own is full until the next time', () => {
    // 1,064 entries have room for 1,000: full after 125 ms, and after 500 ms.
    const { fillsInS, fullExitsPerS, stallShares, runningShare } = outlook(1064, [0.8, 0.2], 250);
    expect(fillsInS).toBeCloseTo(0.125, 4);
    expect(stallShares[0]).toBeCloseTo(0.5, 4);
    expect(stallShares[1]).toBe(0);
    expect(fullExitsPerS).toBe(4);
    expect(runningShare).toBeCloseTo(0.8 * 0.5 + 0.2, 4);
  });

  it('stop none where they are large enough', () => {
    expect(outlook(4096, [0.5, 0.5], 250)).toEqual({
      size: 4096,
      fillsInS: undefined,
      fullExitsPerS: 0,
      reapS: 0.25,
      stallShares: [0, 0],
      runningShare: 1,
    });
  });
});

describe('rings that a vCPU empties when its own is full', () => {
  const cost = { ms: 5, nsPerPage: 16_000 };

  it('stop that vCPU for as long as that takes, and not the others', () => {
    // Full after 125 ms with 1,250 pages in all rings: 5 + 20 ms.
    const { reapS, fullExitsPerS, stallShares } = outlook(1064, [0.8, 0.2], undefined, cost);
    expect(reapS).toBeCloseTo(0.125, 4);
    expect(stallShares[0]).toBeCloseTo(25 / 150, 4);
    expect(stallShares[1]).toBe(0);
    expect(fullExitsPerS).toBeCloseTo(1 / 0.15, 2);
  });

  it('stop each in turn where all write as much', () => {
    const { stallShares } = outlook(1064, [0.5, 0.5], undefined, cost);
    expect(stallShares[0]).toBe(stallShares[1]);
    expect(stallShares[0]).toBeGreaterThan(0);
  });

  it('stop none but that of the vCPU that writes most', () => {
    const many = Array.from({ length: 64 }, (_, vcpu) => (vcpu === 7 ? 2 / 65 : 1 / 65));
    const { stallShares } = outlook(256, many, undefined, cost);
    expect(stallShares.flatMap((stall, vcpu) => (stall > 0 ? [vcpu] : []))).toEqual([7]);
  });

  it('stop none that are not full within the second after which they are emptied anyway', () => {
    expect(outlook(65_536, [1], undefined, cost)).toMatchObject({ reapS: 1, stallShares: [0] });
  });
});
