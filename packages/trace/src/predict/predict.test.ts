import { describe, expect, it } from 'vitest';
import type { DirtyLoad } from './dirty-load.ts';
import { Migration } from './migration.ts';
import type { MigrationParameters, MigrationRun } from './migration-run.ts';
import { predict } from './predict.ts';
import { RateLoad } from './rate-load.ts';
import type { Strategy } from './strategy.ts';
import { WorkingSet } from './working-set.ts';
import type { WriteWindow } from './write-window.ts';

const PAGE = 4096;
const MEMORY = 100_000;
const BANDWIDTH = 10_000 * PAGE; // 10,000 pages a second: the first round takes 10 s

const parameters: MigrationParameters = {
  bandwidth: BANDWIDTH,
  switchoverBandwidth: BANDWIDTH,
  downtimeMs: 300,
  timeoutS: 3600,
  progressTimeoutS: 0,
  compressionRatio: 1,
  setupMs: 0,
  roundCost: { ms: 0, nsPerPage: 0 },
  stateMs: 0,
  switchOver: 'round-end',
  ring: { size: 4096, vcpuShares: [1] },
};

/** So many pages a second, never the same twice. */
const constant = (pagesPerSecond: number): DirtyLoad => ({
  pageSize: PAGE,
  memoryPages: MEMORY,
  watchedSeconds: 1,
  windows: 1,
  leastSeconds: 0,
  written: (seconds) => pagesPerSecond * seconds,
});
const runOf = (
  pagesPerSecond: number,
  strategy: Strategy = 'precopy',
  changed: Partial<MigrationParameters> = {},
): MigrationRun =>
  new Migration(constant(pagesPerSecond), strategy, { ...parameters, ...changed }, () => 0).run();

describe('a guest that writes other pages at a constant rate', () => {
  it('leaves a geometric series, when it writes at half the bandwidth', () => {
    const { rounds } = runOf(5_000);
    expect(rounds.map(({ pages }) => pages)).toEqual([
      100_000, 50_000, 25_000, 12_500, 6_250, 3_125,
    ]);
    expect(rounds.map(({ transferS }) => transferS)).toEqual([10, 5, 2.5, 1.25, 0.625, 0.3125]);
  });

  it('stops when the rest fits in the downtime: 3,125 pages in 312.5 ms do not, in 313 ms they do', () => {
    expect(runOf(5_000, 'precopy', { downtimeMs: 313 })).toMatchObject({
      converges: true,
      downtimeMs: 312.5,
      totalS: 19.375 + 0.3125,
      sentBytes: 196_875 * PAGE,
    });
    expect(runOf(5_000, 'precopy', { downtimeMs: 312 }).rounds).toHaveLength(6);
  });

  it('never converges at the bandwidth or above it, and at best has all of its memory left', () => {
    expect(runOf(10_000)).toMatchObject({ converges: false, end: 'rounds' });
    expect(runOf(10_000, 'precopy', { timeoutS: 60 })).toMatchObject({ end: 'timeout' });
    const above = runOf(11_000);
    expect(above.converges).toBe(false);
    expect(above.downtimeMs).toBeCloseTo(10_000, 6);
  });

  it('is given up when nothing gets less for as long as the progress timeout', () => {
    expect(runOf(11_000, 'precopy', { progressTimeoutS: 150 })).toMatchObject({
      converges: false,
      end: 'no-progress',
    });
  });

  it('needs little more bandwidth than it writes: what lets a hundred rounds bring the rest down', () => {
    const [only] = predict({ pages: constant(5_000) }, ['precopy'], {
      ...parameters,
      timeoutS: 1e6,
    });
    const pages = (only?.breakEvenBandwidth ?? 0) / PAGE;
    // After n rounds (5000 / b)^n of the memory is left: b is least where the hundredth leaves 0.3 b pages.
    expect(MEMORY * (5_000 / pages) ** 100).toBeLessThanOrEqual(0.3 * pages);
    expect(MEMORY * (5_000 / (pages / 1.003)) ** 100).toBeGreaterThan(0.3 * pages);
  });

  it('counts the time of a harvest to its round, in which the guest writes on', () => {
    const { rounds } = runOf(5_000, 'precopy', { roundCost: { ms: 1000, nsPerPage: 0 } });
    expect(rounds.slice(0, 3).map(({ pages }) => pages)).toEqual([100_000, 55_000, 32_500]);
    expect(rounds[0]).toMatchObject({ transferS: 10, overheadS: 1, elapsedS: 11 });
  });

  it('counts the time of a harvest by the pages that it finds', () => {
    const [first] = runOf(5_000, 'precopy', { roundCost: { ms: 0, nsPerPage: 20_000 } }).rounds;
    expect(first).toMatchObject({ transferS: 10, overheadS: 1, remainingBytes: 55_000 * PAGE });
  });

  it('stands still for the last harvest, what was written since the one before, and the state', () => {
    const roundCost = { ms: 100, nsPerPage: 0 };
    const run = runOf(5_000, 'precopy', { downtimeMs: 500, stateMs: 40, roundCost });
    const rest = (run.rounds.at(-1)?.remainingBytes ?? 0) / PAGE;
    // From the middle of the harvest on, 50 ms, the guest wrote 250 pages more.
    expect(run.downtime).toEqual({
      harvestMs: 100,
      restMs: ((rest + 250) / 10_000) * 1000,
      stateMs: 40,
    });
    expect(run.downtimeMs).toBeCloseTo(140 + (rest + 250) / 10, 9);
  });

  it('stops by what is left alone, as VMMs do, and for longer by the state', () => {
    const run = runOf(5_000, 'precopy', { downtimeMs: 313, stateMs: 200 });
    expect(run.rounds).toHaveLength(5);
    expect(run.downtimeMs).toBeCloseTo(512.5, 6);
  });

  it('takes its time to set up, and what is written meanwhile is found by the first harvest', () => {
    const { rounds } = runOf(5_000, 'precopy', { setupMs: 1000 });
    expect(rounds[0]).toMatchObject({ transferS: 10, elapsedS: 11, remainingBytes: 55_000 * PAGE });
    expect(rounds[1]?.remainingBytes).toBe(27_500 * PAGE);
  });

  it('that is set up for longer finds no more, where pages are cleared when they are sent', () => {
    const [quick, slow] = [0, 1000].map((setupMs) => runOf(5_000, 'manual-clear', { setupMs }));
    expect(slow?.rounds[0]?.remainingBytes).toBe(quick?.rounds[0]?.remainingBytes);
    expect(slow?.totalS).toBeCloseTo(1 + (quick?.totalS ?? 0), 9);
  });
});

describe('a VMM that looks while it sends whether the rest fits', () => {
  const pending = { switchOver: 'pending' } as const;

  it('harvests as soon as what it has not sent would fit, and has that left too', () => {
    const [first] = runOf(5_000, 'precopy', pending).rounds;
    expect(first?.pages).toBeCloseTo(97_000, 6);
    // Each page is as likely to be written as any other: of those that wait, too.
    expect(first?.remainingBytes).toBeCloseTo((3_000 + 97_000 * 0.485) * PAGE, -4);
  });

  it('stops with hardly more than the limit left to send, sooner than at the end of a round', () => {
    const looking = runOf(5_000, 'precopy', pending);
    const waiting = runOf(5_000);
    expect(looking.converges).toBe(true);
    expect(looking.totalS).toBeLessThan(waiting.totalS);
    expect(looking.downtimeMs).toBeGreaterThan(waiting.downtimeMs);
    expect(looking.downtimeMs).toBeLessThanOrEqual(300);
  });

  it('has post-copy begin after a whole round all the same', () => {
    expect(runOf(5_000, 'postcopy', pending).rounds[0]?.pages).toBe(100_000);
  });

  it('holds the limit against its bandwidth, and sends the rest as fast as it may with the guest stopped', () => {
    const held = runOf(5_000, 'precopy', pending);
    const lifted = runOf(5_000, 'precopy', { ...pending, switchoverBandwidth: 10 * BANDWIDTH });
    expect(lifted.rounds).toEqual(held.rounds);
    expect(lifted.downtimeMs).toBeCloseTo(held.downtimeMs / 10, 9);
    expect(lifted.sentBytes).toBe(held.sentBytes);
  });

  it('throttles no more often than each second', () => {
    const { rounds } = runOf(11_000, 'auto-converge', { ...pending, downtimeMs: 9_900 });
    const steps = rounds.filter(({ throttlePercent }, i) => {
      return throttlePercent > (rounds[i - 1]?.throttlePercent ?? 0);
    });
    for (const [i, { elapsedS }] of steps.entries()) {
      const before = steps[i - 1]?.elapsedS ?? 0;
      expect(elapsedS - before).toBeGreaterThanOrEqual(2);
    }
    expect(steps.length).toBeGreaterThan(0);
  });
});

describe('strategies, for the same guest', () => {
  it('manual clear leaves about half of the first round, since a page is watched only once it is sent', () => {
    const [first] = runOf(5_000, 'manual-clear').rounds;
    expect(first?.remainingBytes).toBe(25_000 * PAGE);
  });

  it('auto-converge throttles by 20 % after two bad rounds and by 10 % more after each two', () => {
    const { rounds } = runOf(11_000, 'auto-converge');
    expect(rounds.slice(0, 7).map(({ throttlePercent }) => throttlePercent)).toEqual([
      0, 0, 20, 20, 30, 30, 40,
    ]);
  });

  it('auto-converge brings down what writes faster than the bandwidth', () => {
    expect(runOf(11_000, 'auto-converge').converges).toBe(true);
  });

  it('compression by two is twice the bandwidth', () => {
    const compressed = runOf(11_000, 'compression', { compressionRatio: 2 });
    const faster = runOf(11_000, 'precopy', { bandwidth: 2 * BANDWIDTH });
    expect(compressed.rounds.map(({ pages }) => pages)).toEqual(
      faster.rounds.map(({ pages }) => pages),
    );
  });

  it('post-copy sends each page at most twice and stops the guest for its state alone', () => {
    expect(runOf(5_000, 'postcopy', { stateMs: 40 })).toMatchObject({
      converges: true,
      downtimeMs: 40,
      totalS: 10 + 0.04 + 5,
      sentBytes: 150_000 * PAGE,
    });
  });

  it('a ring leaves the same pages and costs the guest more faults', () => {
    const ring = runOf(5_000, 'ring', { ring: { size: 1000, vcpuShares: [1] } });
    const bitmap = runOf(5_000);
    expect(ring.rounds).toEqual(bitmap.rounds);
    expect(ring.faults).toBeGreaterThanOrEqual(bitmap.faults);
  });
});

/** Windows of a second, of which each has these pages, evenly spread over it. */
function windowsOf(...pages: readonly (readonly number[])[]): WriteWindow[] {
  return pages.map((gfns, i) => ({
    migration: 0,
    begin: i,
    seconds: 1,
    gfns,
    delays: gfns.map((_, k) => (k + 1) / gfns.length),
    dirty: gfns.length,
    isLast: false,
  }));
}
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

describe('a guest that writes the same pages in every window', () => {
  const hot = range(0, 1000);
  const load = new WorkingSet({ windows: windowsOf(hot, hot, hot, hot), memoryPages: MEMORY });

  it('has a working set that does not grow, recorded or not', () => {
    expect([1, 2, 4, 100].map((seconds) => load.written(seconds, 0))).toEqual([
      1000, 1000, 1000, 1000,
    ]);
  });

  it('writes half of them in half a window', () => {
    expect(load.written(0.5, 2)).toBe(500);
  });

  it('converges although its rate by the window is as high as the bandwidth', () => {
    const run = new Migration(
      load,
      'precopy',
      { ...parameters, bandwidth: 1000 * PAGE, downtimeMs: 1000 },
      () => 0,
    ).run();
    expect(run).toMatchObject({ converges: true });
    expect(run.rounds.map(({ pages }) => pages)).toEqual([MEMORY]);
  });

  it('needs a downtime for all of them where rounds are longer than its period', () => {
    const run = new Migration(
      load,
      'precopy',
      { ...parameters, bandwidth: 500 * PAGE, switchoverBandwidth: 500 * PAGE },
      () => 0,
    ).run();
    expect(run).toMatchObject({ converges: false, downtimeMs: 2000 });
  });
});

describe('a guest that goes through its memory once', () => {
  const load = new WorkingSet({
    windows: windowsOf(range(0, 500), range(500, 1000), range(1000, 1500)),
    memoryPages: 10_000,
  });

  it('has written as many pages as time allowed', () => {
    for (const seconds of [1, 2, 3]) {
      // A curve is kept in 512 steps.
      expect(Math.abs(load.written(seconds, 0) - 500 * seconds)).toBeLessThan(1500 / 512);
    }
  });

  it('goes on at its rate at first, and has all of its memory at last', () => {
    expect(load.written(4, 0)).toBeGreaterThan(1900);
    expect(load.written(4, 0)).toBeLessThanOrEqual(2000);
    expect(load.written(1e6, 0)).toBeCloseTo(10_000, 3);
  });
});

describe('a guest that writes any page of its memory, like as not', () => {
  const PAGES = 2000;
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % PAGES;
  };
  const drawn = (): number[] => [...new Set(Array.from({ length: 800 }, random))];
  const load = new WorkingSet({
    windows: windowsOf(drawn(), drawn(), drawn(), drawn()),
    memoryPages: PAGES,
  });

  it.each([2, 4, 8, 16])('after %d windows has written what chance says, to 3 %%', (seconds) => {
    const expected = PAGES * (1 - Math.exp((-800 * seconds) / PAGES));
    expect(Math.abs(load.written(seconds, 0) / expected - 1)).toBeLessThan(0.03);
  });
});

describe('pages counted by huge pages', () => {
  it('are fewer and larger, and written with their first part', () => {
    const load = new WorkingSet(
      { windows: windowsOf([0, 1, 600], [1023]), memoryPages: 2048 },
      { pageSize: 2 ** 21 },
    );
    expect(load.memoryPages).toBe(4);
    expect(load.written(1, 0)).toBe(2);
    expect(load.written(2, 0)).toBe(2);
  });
});

describe('memory', () => {
  it('that is less than what was written is refused', () => {
    const windows = windowsOf([1, 2, 3]);
    expect(() => new WorkingSet({ windows, memoryPages: 3 }, { memory: 8192 })).toThrow(
      'expected memory of at least the 3 pages that are written, got 2 of 4096 bytes',
    );
  });
});

describe('windows that differ', () => {
  const busy = range(0, 3000);
  const idle = range(0, 100);
  const load = new WorkingSet({
    windows: windowsOf(busy, idle, busy, idle, busy, idle, busy, idle),
    memoryPages: 20_000,
  });
  const [prediction] = predict({ pages: load }, ['precopy'], {
    ...parameters,
    bandwidth: 4000 * PAGE,
    downtimeMs: 60,
  });

  it('give an interval, not one number', () => {
    const { totalS } = prediction as NonNullable<typeof prediction>;
    expect(totalS.p5).toBeLessThanOrEqual(totalS.p50);
    expect(totalS.p50).toBeLessThan(totalS.p95);
  });

  it('have rounds after which less remains than before and after: the time to switch over', () => {
    expect(prediction?.localMinima.length).toBeGreaterThan(0);
  });

  it('give the same interval again', () => {
    const again = predict({ pages: load }, ['precopy'], {
      ...parameters,
      bandwidth: 4000 * PAGE,
      downtimeMs: 60,
    });
    expect(again).toEqual([prediction]);
  });
});

describe('a load that is known by rates only', () => {
  const two = new RateLoad(
    [
      { seconds: 1, pages: 100 },
      { seconds: 1, pages: 300 },
      { seconds: 4, pages: 500 },
    ],
    10_000,
    PAGE,
  );
  const last = two.watchedSeconds * 0.99; // the last sample lies on the curve

  it('goes through the means of what was measured, straight between them', () => {
    expect([1, 2.5, 4].map((seconds) => two.written(seconds, last))).toEqual([200, 350, 500]);
  });

  it('follows each sample where that is asked', () => {
    expect([two.written(1, 0), two.written(1, two.watchedSeconds * 0.4)]).toEqual([100, 300]);
  });

  it('is a constant rate, and bends as memory is used up, where all samples are of one length', () => {
    const one = new RateLoad([{ seconds: 2, pages: 200 }], 10_000, PAGE);
    expect([0.5, 1, 2].map((seconds) => one.written(seconds, 0))).toEqual([50, 100, 200]);
    expect(one.written(2.01, 0) - 200).toBeCloseTo(1, 2);
    expect(one.written(1e9, 0)).toBeCloseTo(10_000, 6);
  });

  it('is a working set that is full at once, where longer samples do not find more', () => {
    const samples = [3.09, 3.03, 2.98, 3.08].map((seconds) => ({ seconds, pages: 5400 }));
    const full = new RateLoad(samples, 6000, PAGE);
    expect(full.written(0.1, 0)).toBeCloseTo(5400, 6);
    expect(full.written(100, 0)).toBeCloseTo(5400, 6);
  });

  it('is a constant rate, where samples of almost one length scatter', () => {
    const samples = [1, 1.01, 1.02, 1.03].map((seconds, i) => ({
      seconds,
      pages: 100 + 50 * (i % 2),
    }));
    const load = new RateLoad(samples, 1e6, PAGE);
    expect(load.written(0.5, 0) / load.written(0.25, 0)).toBeCloseTo(2, 6);
  });

  it('is refused without a sample that took time', () => {
    expect(() => new RateLoad([{ seconds: 0, pages: 5 }], 10, PAGE)).toThrow(
      'expected a sample that took time, got 1 that did not',
    );
  });
});
