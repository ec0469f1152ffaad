// Faults per second of 1, 2 and 4 vCPUs, on however many processors there are: all faults of a round, from when its first
// vCPU begins to when its last one ends.
import { availableParallelism } from 'node:os';
import type { FaultPath } from '@faultline/mmu';
import type { RoundTimes } from '../bench-worker.ts';
import { figure } from '../table.ts';
import type { Bar } from './bar.ts';
import { median } from './quantile.ts';
import { Bench, byRound, playRounds } from './rounds.ts';

/** Of each vCPU. */
const PAGES = 16_384;
const VCPUS = [1, 2, 4] as const;
const PATHS = ['current', 'slow'] as const;

export interface Scaling {
  readonly faultPath: FaultPath;
  readonly vcpus: number;
  readonly faultsPerSecond: number;
}

/** All take turns. */
export async function timeScaling(rounds: number): Promise<Scaling[]> {
  const kinds = PATHS.flatMap((faultPath) => VCPUS.map((vcpus) => ({ faultPath, vcpus })));
  const benches = kinds.map(({ faultPath, vcpus }) => {
    const variant = { faultPath, faultLock: 'shared', work: 'fault' } as const;
    return new Bench(variant, vcpus, PAGES, rounds);
  });
  const results = await playRounds(benches, rounds);
  return kinds.map((kind, index) => ({
    ...kind,
    faultsPerSecond: faultsPerSecond(results[index] ?? [], PAGES),
  }));
}

/** Median over rounds, of all vCPUs together; `pages` faults on each, times in milliseconds. */
export function faultsPerSecond(times: readonly RoundTimes[], pages: number): number {
  const perRound = byRound(times).map((round) => {
    const from = Math.min(...round.map(([start]) => start));
    const to = Math.max(...round.map(([, end]) => end));
    return (round.length * pages * 1000) / (to - from);
  });
  return median(perRound);
}

export function scalingBars(
  results: readonly Scaling[],
  processors: number = availableParallelism(),
): Bar[] {
  return results.flatMap(({ faultPath, vcpus, faultsPerSecond }) => {
    const one = results.find((other) => other.faultPath === faultPath && other.vcpus === 1);
    if (one === undefined || vcpus === 1) return [];
    const millions = (rate: number): string => `${figure(rate / 1e6)} M`;
    return {
      name: `faults/s of ${vcpus} vCPUs : 1, ${faultPath}`,
      value: faultsPerSecond / one.faultsPerSecond,
      detail: `${millions(faultsPerSecond)} : ${millions(one.faultsPerSecond)}, ${processors} processors`,
    };
  });
}
