import { findDamage, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  faultAndLeave,
  gfnOf,
  hvnOf,
  LOGGED,
  lastSpte,
  makeBenchWithSlot,
  operationsOf,
} from '../../test/fixture.ts';
import { writeProtectHostPage } from '../host/ksm.ts';
import { isShadowPresent } from '../spte/spte.ts';
import { entryAt } from '../spte/walk.ts';
import { zapCollapsibleSptes } from './recover-huge-pages.ts';
import { setMemslotFlags } from './set-memory-region.ts';
import { lastTable } from './tdp-iter.ts';

const flags = ({ agent, vm }: Bench, value: number, mem: Shared = agent): void =>
  setMemslotFlags(mem, vm, 0, value);
/** Gfns 0 to 7 lie in two huge pages; they were split for the log, and the guest has written one of each since. */
function logged(options = {}): Bench {
  const bench = makeBenchWithSlot(0, { transparentHugepage: 'always', ...options });
  for (const gfn of [1, 5]) bench.guests[0].write(gfn, gfn);
  flags(bench, LOGGED);
  for (const gfn of [1, 5]) bench.guests[0].write(gfn, gfn + 1);
  return bench;
}
const levels = (bench: Bench, from = 0, to = 8): number[] =>
  Array.from({ length: to - from }, (_, n) => lastSpte(bench, from + n).level);
const isMapped = (bench: Bench, gfn: number): boolean => isShadowPresent(lastSpte(bench, gfn).low);

describe('a slot that is logged no more', () => {
  it('maps nothing where the host has huge pages, until a fault maps the whole', () => {
    const bench = logged();
    flags(bench, 0);
    expect([0, 1, 4, 5].map((gfn) => isMapped(bench, gfn))).toEqual([false, false, false, false]);
    bench.guests[0].read(6);
    expect(levels(bench)).toEqual([2, 2, 2, 2, 2, 2, 2, 2]);
    expect([isMapped(bench, 4), isMapped(bench, 0)]).toEqual([true, false]);
  });

  it('still holds what was written', () => {
    const bench = logged();
    flags(bench, 0);
    expect([0, 1, 4, 5].map((gfn) => bench.guests[1].read(gfn))).toEqual([0, 2, 0, 6]);
  });

  it('keeps the tables over pages that the host has split', () => {
    const bench = logged();
    writeProtectHostPage(bench.agent, bench.vm, hvnOf(6));
    bench.guests[0].write(5, 9);
    flags(bench, 0);
    expect([isMapped(bench, 1), isMapped(bench, 5)]).toEqual([false, true]);
    expect(levels(bench, 4, 8)).toEqual([1, 1, 1, 1]);
  });

  it('flushes every vCPU, so that none uses a table that is freed', () => {
    const bench = logged();
    const { stat } = bench.guests[0].vcpu;
    const flushes = stat.tlb_flush;
    flags(bench, 0);
    bench.guests[0].read(1);
    expect(stat.tlb_flush).toBeGreaterThan(flushes);
  });

  it('has its tables frozen before they are freed', () => {
    const bench = logged();
    const operations = operationsOf(bench.agent, (mem) => flags(bench, 0, mem));
    const verbs = operations
      .map(({ verb }) => verb)
      .filter((verb) => ['cmpxchg64', 'xchg64', 'synchronize', 'free'].includes(verb));
    const one = ['cmpxchg64', ...Array(4).fill('xchg64')];
    expect(verbs).toEqual(['synchronize', ...one, ...one, 'synchronize', 'free', 'free']);
  });

  it('leaves large leaves that were never split as they are', () => {
    const bench = makeBenchWithSlot(0, { transparentHugepage: 'always', eagerPageSplit: false });
    bench.guests[0].write(1, 1);
    flags(bench, LOGGED);
    const leaf = lastSpte(bench, 1);
    flags(bench, 0);
    expect(lastSpte(bench, 1)).toEqual(leaf);
  });

  it('does nothing where there are no huge pages', () => {
    const bench = makeBenchWithSlot(LOGGED);
    bench.guests[0].write(1, 1);
    const events = eventsOf(bench.agent, () => flags(bench, 0));
    expect(events).toEqual([]);
    expect(isMapped(bench, 1)).toBe(true);
  });

  it('loses to a fault that has put a large leaf there already', () => {
    const bench = logged({ faultPath: 'slow' });
    const { agent, vm } = bench;
    const sptep = entryAt(vm, lastTable(agent, vm, vm.roots[0], gfnOf(1), 2).table, gfnOf(1), 2);
    // The slot's flags are new to all: the fault maps the whole. It comes between the look and the exchange.
    const mem = before(agent, { verb: 'cmpxchg64', address: sptep }, () => {
      agent.readUnlock(vm.at.mmu_lock);
      faultAndLeave(bench, 0);
      agent.readLock(vm.at.mmu_lock);
    });
    flags(bench, 0, mem);
    expect(lastSpte(bench, 1)).toMatchObject({ level: 2 });
    expect([isMapped(bench, 1), isMapped(bench, 5)]).toEqual([true, false]);
    expect(findDamage(agent, agent.memory.map)).toBeUndefined();
  });

  it('has nothing taken apart where nothing was mapped', () => {
    const bench = makeBenchWithSlot(0, {
      transparentHugepage: 'always',
      geometry: { levels: 3, indexBits: 2 },
    });
    const { agent, vm } = bench;
    const slot = { id: 0, baseGfn: gfnOf(0), npages: 16, hvn: hvnOf(0), flags: 0 };
    bench.guests[0].write(1, 1);
    expect(eventsOf(agent, () => zapCollapsibleSptes(agent, vm, slot))).toEqual([]);
    expect(levels(bench, 0, 4)).toEqual([2, 2, 2, 2]);
  });
});
