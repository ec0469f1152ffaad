import { describe, expect, it } from 'vitest';
import {
  type Bench,
  gfnOf,
  hvnOf,
  LOGGED,
  makeBenchWithSlot,
  operationsOf,
} from '../../test/fixture.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import { setMemslotFlags } from './set-memory-region.ts';
import { inStretches } from './yield.ts';

const withInterval = (yieldInterval: number): Bench => makeBenchWithSlot(0, { yieldInterval });
const range = { start: gfnOf(3), end: gfnOf(13) };

/** The stretches of `range`, each as its first gfn and its end. */
function stretchesOf(bench: Bench): number[][] {
  const { agent, vm } = bench;
  const seen: number[][] = [];
  agent.writeLock(vm.at.mmu_lock);
  inStretches(agent, vm, range, ({ start, end }) => {
    seen.push([start, end]);
    return false;
  });
  agent.writeUnlock(vm.at.mmu_lock);
  return seen;
}

describe('work over a range in stretches', () => {
  it.each([
    [4, [3, 7, 11]],
    [5, [3, 8]],
    [9, [3, 12]],
    [10, [3]],
    [512, [3]],
  ])('of %i begins each where the one before has ended', (interval, starts) => {
    const stretches = stretchesOf(withInterval(interval));
    expect(stretches).toEqual(starts.map((start, i) => [start, starts[i + 1] ?? 13]));
  });

  it('gives mmu_lock up between two, and only there', () => {
    const bench = withInterval(4);
    const { agent, vm } = bench;
    const verbs = operationsOf(agent, (mem) => inStretches(mem, vm, range, () => false));
    expect(verbs.map(({ verb, address }) => [verb, address === vm.at.mmu_lock])).toEqual([
      ['writeUnlock', true],
      ['writeLock', true],
      ['writeUnlock', true],
      ['writeLock', true],
    ]);
  });

  it.each([
    ['from before', true, [] as number[], false],
    ['by a stretch', false, [1], false],
    ['by the last stretch', false, [3], true],
    ['by nobody', false, [], false],
  ])('flushes before it gives the lock up what is owed %s', (_, owed, owing, left) => {
    const { agent, vm } = withInterval(4);
    let stretch = 0;
    let answer: boolean | undefined;
    const operations = operationsOf(agent, (mem) => {
      answer = inStretches(mem, vm, range, () => owing.includes(++stretch), owed);
    });
    const first = operations.findIndex(({ verb }) => verb === 'or32');
    const unlock = operations.findIndex(({ verb }) => verb === 'writeUnlock');
    const flushes = owed || owing.includes(1);
    expect([first !== -1 && first < unlock, answer]).toEqual([flushes, left]);
  });
});

describe('whoever holds mmu_lock for writing over a long range', () => {
  const unlocks = (bench: Bench, act: (mem: Bench['agent']) => void): number =>
    operationsOf(bench.agent, (mem) => act(mem as Bench['agent'])).filter(
      ({ verb, address }) => verb === 'writeUnlock' && address === bench.vm.at.mmu_lock,
    ).length;

  it('gives it up while a log begins', () => {
    const bench = withInterval(4);
    expect(unlocks(bench, (mem) => setMemslotFlags(mem, bench.vm, 0, LOGGED))).toBe(4);
  });

  it('gives it up while a notifier zaps', () => {
    const bench = withInterval(4);
    const start = unlocks(bench, (mem) => invalidateRangeStart(mem, bench.vm, hvnOf(0), 9));
    invalidateRangeEnd(bench.agent, bench.vm, hvnOf(0), 9);
    expect(start).toBe(3);
  });
});
