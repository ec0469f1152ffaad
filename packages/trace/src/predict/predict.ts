// Strategies side by side. A recording is one of many that might have been: each prediction is made a hundred times, with
// another window of the recording drawn for each round, and the middle one is shown with what most others lie between.
import type { DirtyLoad } from './dirty-load.ts';
import { Migration } from './migration.ts';
import type { MigrationParameters, MigrationRun } from './migration-run.ts';
import type { Strategy } from './strategy.ts';

/** The middle, and what nine in ten draws lie between. */
export interface Interval {
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
}

export interface StrategyPrediction {
  readonly strategy: Strategy;
  /** The middle one of the draws: those that converge, by their total time, then the others. */
  readonly run: MigrationRun;
  /** Of the draws. */
  readonly totalS: Interval;
  readonly rounds: Interval;
  readonly downtimeMs: Interval;
  /** Share of the draws that converge: 0 to 1. */
  readonly convergesShare: number;
  /** Rounds after which fewer bytes remain than after their neighbours: 0 is the first. */
  readonly localMinima: readonly number[];
  /** The least bandwidth at which most draws converge, in bytes a second; undefined: none up to a terabyte a second. */
  readonly breakEvenBandwidth: number | undefined;
}

export interface Loads {
  /** Counted by pages of 4 KiB, or whatever the option says. */
  readonly pages: DirtyLoad;
  /** Counted by huge pages; undefined: the recording does not say which pages were written. */
  readonly hugePages?: DirtyLoad | undefined;
}

const DRAWS = 101;
/** For each bandwidth that is tried. */
const BREAK_EVEN_DRAWS = 9;
const SEED = 0x5eed;
const LEAST_BANDWIDTH = 1e3;
const MOST_BANDWIDTH = 1e12;
/** Of a bandwidth: closer is not looked for. */
const PRECISION = 1.002;

/** Loads that cannot carry a strategy leave it out. */
export function predict(
  loads: Loads,
  strategies: readonly Strategy[],
  parameters: MigrationParameters,
): StrategyPrediction[] {
  return strategies.flatMap((strategy) => {
    const load = strategy === 'huge-pages' ? loads.hugePages : loads.pages;
    return load === undefined ? [] : [predictOne(load, strategy, parameters)];
  });
}

function predictOne(
  load: DirtyLoad,
  strategy: Strategy,
  parameters: MigrationParameters,
): StrategyPrediction {
  const all = draws(load, strategy, parameters, DRAWS);
  const run = middleOf(all);
  return {
    strategy,
    run,
    totalS: intervalOf(all.map(({ totalS }) => totalS)),
    rounds: intervalOf(all.map(({ rounds }) => rounds.length)),
    downtimeMs: intervalOf(all.map(({ downtimeMs }) => downtimeMs)),
    convergesShare: all.filter(({ converges }) => converges).length / all.length,
    localMinima: localMinima(run),
    breakEvenBandwidth:
      strategy === 'postcopy'
        ? 0
        : breakEven((bandwidth) => {
            const some = draws(load, strategy, { ...parameters, bandwidth }, BREAK_EVEN_DRAWS);
            return middleOf(some).converges;
          }),
  };
}

/** The same random windows for every call. */
function draws(
  load: DirtyLoad,
  strategy: Strategy,
  parameters: MigrationParameters,
  count: number,
): MigrationRun[] {
  const random = randomNumbers(SEED);
  const window = (): number => random() * load.watchedSeconds;
  return Array.from({ length: load.windows > 1 ? count : 1 }, () =>
    new Migration(load, strategy, parameters, window).run(),
  );
}

function middleOf(runs: readonly MigrationRun[]): MigrationRun {
  const never = ({ converges, totalS }: MigrationRun): number =>
    converges ? totalS : Number.POSITIVE_INFINITY;
  const sorted = [...runs].sort((a, b) => (never(a) === never(b) ? 0 : never(a) - never(b)));
  return sorted[sorted.length >> 1] as MigrationRun;
}

function localMinima({ rounds }: MigrationRun): number[] {
  const remaining = rounds.map(({ remainingBytes }) => remainingBytes);
  return rounds.flatMap(({ iter, remainingBytes }) => {
    const before = remaining[iter - 1] ?? Number.POSITIVE_INFINITY;
    const after = remaining[iter + 1] ?? Number.POSITIVE_INFINITY;
    return remainingBytes < before && remainingBytes < after ? [iter] : [];
  });
}

/** More bandwidth makes rounds shorter, and shorter rounds leave less: it is sought by halving. */
function breakEven(converges: (bandwidth: number) => boolean): number | undefined {
  if (!converges(MOST_BANDWIDTH)) return undefined;
  let from = LEAST_BANDWIDTH;
  let to = MOST_BANDWIDTH;
  while (to / from > PRECISION) {
    const middle = Math.sqrt(from * to);
    if (converges(middle)) to = middle;
    else from = middle;
  }
  return to;
}

function intervalOf(values: readonly number[]): Interval {
  const ascending = [...values].sort((a, b) => a - b);
  const at = (part: number): number =>
    ascending[Math.round(part * (ascending.length - 1))] as number;
  return { p5: at(0.05), p50: at(0.5), p95: at(0.95) };
}

/** Mulberry32: the same draws each time, so that a prediction can be compared with itself. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
