import { findDamage, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  beforeEvery,
  eventsOf,
  flagsOf,
  gfnOf,
  hostPteOf,
  LOGGED,
  lastSpte,
  makeBenchWithSlot,
} from '../../test/fixture.ts';
import { hostPtePfn } from '../host/host-pte.ts';
import { isWritable, PT_WRITABLE_MASK, spteToPfn } from '../spte/spte.ts';
import { setMemslotFlags } from './set-memory-region.ts';
import { splitHugePage, trySplitHugePages } from './split-huge-page.ts';

/** Gfns 0 to 7 mapped by two large leaves. */
function mapped(options = {}): Bench {
  const bench = makeBenchWithSlot(0, { transparentHugepage: 'always', ...options });
  bench.guests[0].write(1, 7);
  bench.guests[0].write(5, 8);
  return bench;
}
const ALL = { start: gfnOf(0), end: gfnOf(16) };
const trySplit = ({ agent, vm }: Bench, mem: Shared = agent, range = ALL): void => {
  mem.readLock(vm.at.mmu_lock);
  trySplitHugePages(mem, vm, range);
  mem.readUnlock(vm.at.mmu_lock);
};
const levels = (bench: Bench, from = 0, to = 8): number[] =>
  Array.from({ length: to - from }, (_, n) => lastSpte(bench, from + n).level);
const pfnsMapped = (bench: Bench, from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, n) => {
    const { low, high } = lastSpte(bench, from + n);
    return spteToPfn(low, high);
  });
const large = (bench: Bench, gfn = 0) => {
  const { low, high, sptep, level } = lastSpte(bench, gfn);
  return { entry: { sptep, gfn: gfnOf(gfn), level } as never, old: { low, high } };
};
/** Frames that this thread can still take, which it then gives back. */
function framesLeft({ agent }: Bench): number {
  const taken: number[] = [];
  try {
    for (;;) taken.push(agent.alloc());
  } catch {
    for (const frame of taken) agent.free(frame);
  }
  return taken.length;
}

describe('a large leaf that is split', () => {
  it('becomes a table of small ones that say the same', () => {
    const bench = mapped();
    const flags = flagsOf(bench, 0);
    expect(levels(bench)).toEqual(Array(8).fill(2));
    trySplit(bench);
    expect(levels(bench)).toEqual(Array(8).fill(1));
    expect(flags).toBe('ee7');
    expect([0, 1, 2, 3].map((gfn) => flagsOf(bench, gfn))).toEqual(Array(4).fill('e67'));
    expect(pfnsMapped(bench, 0, 8)).toEqual(
      Array.from({ length: 8 }, (_, hvn) => hostPtePfn(hostPteOf(bench, hvn))),
    );
  });

  it('is not made writable by that', () => {
    const bench = mapped({ eagerPageSplit: false });
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    trySplit(bench);
    expect([0, 1, 2, 3].map((gfn) => flagsOf(bench, gfn))).toEqual(Array(4).fill('e65'));
  });

  it('flushes nobody', () => {
    const bench = mapped();
    bench.guests[0].write(1, 1);
    trySplit(bench);
    bench.guests[0].write(1, 2);
    expect(bench.guests[0].vcpu.stat.tlb_flush).toBe(0);
  });

  it('says so', () => {
    const bench = mapped();
    const { old } = large(bench, 4);
    const events = eventsOf(bench.agent, () => trySplit(bench));
    expect(events.map(({ event }) => event)).toEqual([
      'kvm_tdp_mmu_spte_changed',
      'kvm_mmu_split_huge_page',
      'kvm_tdp_mmu_spte_changed',
      'kvm_mmu_split_huge_page',
    ]);
    expect(events[3]).toEqual({
      event: 'kvm_mmu_split_huge_page',
      gfn: 4,
      spte: old,
      level: 2,
      errno: 0,
    });
    expect(events[2]).toMatchObject({ gfn: 4, level: 2, old_spte: old });
  });

  it('keeps what a fast path has set since it was read', () => {
    const bench = mapped({ eagerPageSplit: false });
    const { agent, vm } = bench;
    setMemslotFlags(agent, vm, 0, LOGGED);
    setMemslotFlags(agent, vm, 0, 0);
    const { entry, old } = large(bench);
    const { sptep } = lastSpte(bench, 0);
    const mem = before(agent, { verb: 'cmpxchg64', address: sptep }, () =>
      agent.or64(sptep, PT_WRITABLE_MASK, 0),
    );
    expect(splitHugePage(mem, vm, entry, old)).toBe(0);
    expect(levels(bench, 0, 1)).toEqual([2]);
    trySplit(bench);
    expect(isWritable(lastSpte(bench, 3).low)).toBe(true);
  });

  it('is split by the one who sees it change under his hands, in the end', () => {
    const bench = mapped({ eagerPageSplit: false });
    const { agent, vm } = bench;
    setMemslotFlags(agent, vm, 0, LOGGED);
    const { sptep } = lastSpte(bench, 0);
    const mem = before(agent, { verb: 'cmpxchg64', address: sptep }, () =>
      agent.or64(sptep, PT_WRITABLE_MASK, 0),
    );
    trySplit(bench, mem);
    expect(levels(bench)).toEqual(Array(8).fill(1));
    expect([flagsOf(bench, 0), flagsOf(bench, 4)]).toEqual(['e67', 'e65']);
  });

  it('gives the table back that it did not need', () => {
    const bench = mapped();
    const left = framesLeft(bench);
    const { entry, old } = large(bench);
    expect(splitHugePage(bench.agent, bench.vm, entry, { ...old, low: old.low & ~2 })).toBe(0);
    expect(framesLeft(bench)).toBe(left);
  });
});

describe('splitting a range', () => {
  it('leaves what lies beside it, and what is small', () => {
    const bench = mapped();
    trySplit(bench, bench.agent, { start: gfnOf(4), end: gfnOf(8) });
    expect(levels(bench)).toEqual([2, 2, 2, 2, 1, 1, 1, 1]);
    const events = eventsOf(bench.agent, () =>
      trySplit(bench, bench.agent, { start: gfnOf(4), end: gfnOf(16) }),
    );
    expect(events).toEqual([]);
  });

  it('stops where there is no frame left, and says which page stays large', () => {
    const bench = mapped();
    const { agent } = bench;
    const mem = before(agent, { verb: 'alloc', skip: 1 }, () => {
      throw new RangeError('expected a free frame, got none');
    });
    const { old } = large(bench, 4);
    const events = eventsOf(agent, () => trySplit(bench, mem));
    expect(levels(bench)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    expect(events.at(-1)).toEqual({
      event: 'kvm_mmu_split_huge_page',
      gfn: 4,
      spte: old,
      level: 2,
      errno: -12,
    });
  });

  it('lets every other mistake through', () => {
    const bench = mapped();
    const mem = beforeEvery(bench.agent, { verb: 'alloc' }, () => {
      throw new Error('not that');
    });
    expect(() => trySplit(bench, mem)).toThrow('not that');
  });
});

describe('a log that begins over large leaves', () => {
  it('finds them split and all protected', () => {
    const bench = mapped();
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect(levels(bench)).toEqual(Array(8).fill(1));
    expect([0, 3, 4, 7].map((gfn) => flagsOf(bench, gfn))).toEqual(Array(4).fill('e65'));
  });

  it('finds them large and protected without eagerPageSplit', () => {
    const bench = mapped({ eagerPageSplit: false });
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    expect(levels(bench)).toEqual(Array(8).fill(2));
    expect([0, 4].map((gfn) => flagsOf(bench, gfn))).toEqual(['ee5', 'ee5']);
  });

  it('leaves no frame damaged or lost', () => {
    const bench = mapped();
    const { agent, vm } = bench;
    setMemslotFlags(agent, vm, 0, LOGGED);
    const left = framesLeft(bench);
    for (let n = 0; n < 3; n++) {
      setMemslotFlags(agent, vm, 0, 0);
      for (const gfn of [1, 5]) bench.guests[0].write(gfn, n);
      expect(levels(bench)).toEqual(Array(8).fill(2));
      setMemslotFlags(agent, vm, 0, LOGGED);
    }
    expect(framesLeft(bench)).toBe(left);
    expect(findDamage(agent, agent.memory.map)).toBeUndefined();
  });
});
