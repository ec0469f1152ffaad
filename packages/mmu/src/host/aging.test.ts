import { describe, expect, it } from 'vitest';
import {
  type Bench,
  eventsOf,
  faultAndLeave,
  flagsOf,
  gfnOf,
  hostPteOf,
  hvnOf,
  illegalSptes,
  LOGGED,
  lastSpte,
  makeBenchWithSlot,
} from '../../test/fixture.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { isAccessTracked, isDirty, isWritable } from '../spte/spte.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { setMemslotFlags } from '../vm/set-memory-region.ts';
import { zapLeafs } from '../vm/zap.ts';
import { clearYoung, testYoung } from './aging.ts';
import { hostPtePfn } from './host-pte.ts';
import { PG_DIRTY, PG_REFERENCED, pageFlags } from './page-flags.ts';

const GFN = 3;
const age = ({ agent, vm }: Bench, count = 1) => clearYoung(agent, vm, hvnOf(GFN), count);
const flags = (bench: Bench) => pageFlags(bench.agent, bench.vm, hostPtePfn(hostPteOf(bench, GFN)));
const flush = ({ agent, vm }: Bench) => flushRemoteTlbs(agent, vm);
const zap = ({ agent, vm }: Bench) =>
  zapLeafs(agent, vm, { start: gfnOf(GFN), end: gfnOf(GFN + 1) });

const written = (options: Parameters<typeof makeBenchWithSlot>[1] = {}): Bench => {
  const bench = makeBenchWithSlot(LOGGED, options);
  bench.guests[0].write(GFN, 7);
  return bench;
};

describe('aging with A and D bits', () => {
  it('counts the pages that were used, and forgets it', () => {
    const bench = written();
    bench.guests[0].write(GFN + 2, 1);
    expect([age(bench, 4), age(bench, 4)]).toEqual([2, 0]);
  });

  it('clears A alone', () => {
    const bench = written();
    age(bench);
    expect(flagsOf(bench, GFN)).toBe('e47');
  });

  it('is asked about without forgetting', () => {
    const bench = written();
    const test = () => testYoung(bench.agent, bench.vm, hvnOf(GFN), 1);
    expect([test(), test(), age(bench), test()]).toEqual([1, 1, 1, 0]);
  });

  it('flushes nothing: what a TLB holds goes on unseen', () => {
    const bench = written();
    age(bench);
    bench.guests[0].read(GFN);
    expect(flagsOf(bench, GFN)).toBe('e47');
  });

  it('finds a page young again that hardware has walked to', () => {
    const bench = written();
    age(bench);
    flush(bench);
    bench.guests[0].read(GFN);
    expect(flagsOf(bench, GFN)).toBe('e67');
    expect(bench.guests[0].vcpu.stat.hw_accessed).toBe(1);
  });

  it('is told with its range in bytes', () => {
    const bench = written();
    expect(eventsOf(bench.agent, () => age(bench, 2))[0]).toEqual({
      event: 'kvm_age_hva',
      start: GFN * 4096,
      end: (GFN + 2) * 4096,
    });
  });

  it('tells of a test by the first page', () => {
    const bench = written();
    const events = eventsOf(bench.agent, () => testYoung(bench.agent, bench.vm, hvnOf(GFN), 1));
    expect(events).toEqual([{ event: 'kvm_test_age_hva', hva: GFN * 4096 }]);
  });

  it('releases mmu_lock and the memslots', () => {
    const bench = written();
    age(bench);
    const { mmu_lock, mn_invalidate_lock, mn_active_invalidate_count } = bench.vm.at;
    const words = [mmu_lock, mn_invalidate_lock, mn_active_invalidate_count];
    expect(words.map((word) => bench.agent.load32(word))).toEqual([0, 0, 0]);
  });
});

describe('aging without A and D bits', () => {
  const PLAIN = { adBits: false };

  it('maps sptes that have none, in a legal state', () => {
    const bench = written(PLAIN);
    expect(flagsOf(bench, GFN)).toBe('e07');
    expect(illegalSptes(bench)).toEqual([]);
  });

  it('takes all rights away and keeps R and X in bits 54 and 56', () => {
    const bench = written(PLAIN);
    age(bench);
    const { low, high } = lastSpte(bench, GFN);
    expect([(low & 0xfff).toString(16), (high >>> 20).toString(16)]).toEqual(['e00', '15']);
    expect(illegalSptes(bench)).toEqual([]);
  });

  it('counts a page once until it is used again', () => {
    const bench = written(PLAIN);
    expect([age(bench), age(bench)]).toEqual([1, 0]);
    flush(bench);
    bench.guests[0].read(GFN);
    expect(age(bench)).toBe(1);
  });

  it('tells the host of stores before W goes', () => {
    const bench = written(PLAIN);
    age(bench);
    expect(flags(bench)).toBe(PG_DIRTY);
  });

  it.each([
    { write: false, flags: 'e05', what: 'a read gives R and X back, and no W' },
    { write: true, flags: 'e07', what: 'a write gives W too' },
  ])('$what, without mmu_lock', ({ write, flags: expected }) => {
    const bench = written(PLAIN);
    age(bench);
    expect(faultAndLeave(bench, GFN, { write }).fast).toBe(true);
    expect(flagsOf(bench, GFN)).toBe(expected);
    expect(lastSpte(bench, GFN).high >>> 20).toBe(1);
  });

  it.each(['slow', 'merged'] as const)('path %s has the slow path restore', (faultPath) => {
    const bench = written({ ...PLAIN, faultPath });
    age(bench);
    expect(faultAndLeave(bench, GFN, { write: false }).fast).toBe(false);
    expect(flagsOf(bench, GFN)).toBe('e05');
  });

  it('lets a write be logged that comes after a harvest', () => {
    const bench = written(PLAIN);
    age(bench);
    getDirtyLog(bench.agent, bench.vm, 0);
    bench.guests[0].write(GFN, 8);
    expect(getDirtyLog(bench.agent, bench.vm, 0)).toBe(1);
  });

  it('leaves a store through an old translation to the flush of whoever begins to log', () => {
    const bench = written(PLAIN);
    setMemslotFlags(bench.agent, bench.vm, 0, 0);
    age(bench);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    bench.guests[0].write(GFN, 8);
    expect(getDirtyLog(bench.agent, bench.vm, 0)).toBe(1);
  });
});

describe('an access beyond the page table, without A and D bits', () => {
  it('is not repaired in the leaf where its walk would end', () => {
    const bench = written({ adBits: false });
    expect(bench.guests[0].read(GFN + bench.vm.gfnLimit)).toBe(-1);
  });
});

describe('hardware with A and D bits', () => {
  it('sets D by the first store through a translation that a load filled', () => {
    const bench = written({ pml: true });
    getDirtyLog(bench.agent, bench.vm, 0);
    bench.guests[0].read(GFN);
    expect(isDirty(lastSpte(bench, GFN).low, 0)).toBe(false);
    bench.guests[0].write(GFN, 8);
    expect(isDirty(lastSpte(bench, GFN).low, 0)).toBe(true);
  });

  it('hands A and D to the host when the leaf is zapped', () => {
    const bench = written();
    zap(bench);
    expect(flags(bench)).toBe(PG_DIRTY | PG_REFERENCED);
  });

  it('tells the host nothing while the leaf is there', () => {
    const bench = written();
    expect(flags(bench)).toBe(0);
  });
});

describe('an access-tracked leaf', () => {
  it('is neither writable nor accessed when it is zapped', () => {
    const bench = written({ adBits: false });
    age(bench);
    const { low, high } = lastSpte(bench, GFN);
    expect([isAccessTracked(low, high), isWritable(low)]).toEqual([true, false]);
    zap(bench);
    expect(flags(bench)).toBe(PG_DIRTY);
  });
});
