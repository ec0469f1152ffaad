import { describe, expect, it } from 'vitest';
import { faultsPerSecond, scalingBars } from './scaling.ts';

describe('faults per second of several vCPUs', () => {
  it('are all their faults, from the first begin to the last end', () => {
    const round = [1, 3] as [number, number];
    const later = [2, 5] as [number, number];
    // 200 faults in 4 ms.
    expect(faultsPerSecond([Array(5).fill(round), Array(5).fill(later)], 100)).toBe(50_000);
  });

  it('leave out the first fifth of the rounds', () => {
    const times = [...Array(2).fill([0, 100]), ...Array(8).fill([0, 10])];
    expect(faultsPerSecond([times], 10)).toBe(1000);
  });
});

describe('the scaling of a path', () => {
  it('is against one vCPU on the same path', () => {
    const result = (faultPath: 'current' | 'slow', vcpus: number, faultsPerSecond: number) => ({
      faultPath,
      vcpus,
      faultsPerSecond,
    });
    const results = [
      result('current', 1, 2e7),
      result('current', 2, 3e7),
      result('slow', 1, 4e6),
      result('slow', 2, 8e6),
    ];
    expect(scalingBars(results, 2)).toEqual([
      {
        name: 'faults/s of 2 vCPUs : 1, current',
        value: 1.5,
        detail: '30.0 M : 20.0 M, 2 processors',
      },
      { name: 'faults/s of 2 vCPUs : 1, slow', value: 2, detail: '8.00 M : 4.00 M, 2 processors' },
    ]);
  });
});
