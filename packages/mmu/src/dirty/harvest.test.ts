import { requestsAddress, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  flagsOf,
  hvnOf,
  LOGGED,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  pagesIn,
  slotOf,
} from '../../test/fixture.ts';
import { createMemslot } from '../vm/set-memory-region.ts';
import { getDirtyLog, takeDirty } from './harvest.ts';

const ALL = { hvn: hvnOf(0), npages: 16 };
const harvest = ({ agent, vm }: Bench, mem: Shared = agent): number => getDirtyLog(mem, vm, 0);
const take = ({ mems, vm }: Bench, client: number, slot = ALL): number[] => {
  const pages: number[] = [];
  takeDirty(mems[3] as Shared, vm, slot, client, (hvn) => pages.push(hvn));
  return pages;
};

function written(...gfns: number[]): Bench {
  const bench = makeBenchWithSlot(LOGGED);
  for (const gfn of gfns) bench.guests[0].write(gfn, gfn);
  return bench;
}

describe('a harvest', () => {
  it('answers how many pages were dirty', () => {
    expect(harvest(written(3, 9, 10))).toBe(3);
  });

  it('write-protects each of them, and leaves the fast path the right to give W back', () => {
    const bench = written(3, 9);
    harvest(bench);
    expect([flagsOf(bench, 3), flagsOf(bench, 9)]).toEqual(['e65', 'e65']);
  });

  it('empties the log', () => {
    const bench = written(3, 9);
    harvest(bench);
    expect(pagesIn(bench, bench.vm.at.dirty_bitmap)).toEqual([]);
  });

  it('finds nothing where nobody wrote since the last', () => {
    const bench = written(3, 9);
    harvest(bench);
    expect(harvest(bench)).toBe(0);
  });

  it('finds a page again that is written after it', () => {
    const bench = written(3, 9);
    harvest(bench);
    bench.guests[0].write(9, 1);
    harvest(bench);
    expect(take(bench, 0).includes(9)).toBe(true);
  });

  it.each([0, 1] as const)(
    'makes the next write of vCPU %i fault, though its TLB let stores through',
    (id) => {
      const bench = written(3);
      bench.guests[1].write(3, 1);
      harvest(bench);
      const { stat } = bench.guests[id].vcpu;
      const taken = stat.pf_taken;
      bench.guests[id].write(3, 2);
      expect(stat.pf_taken).toBe(taken + 1);
    },
  );

  it('leaves reads alone', () => {
    const bench = written(3);
    harvest(bench);
    const { stat } = bench.guests[0].vcpu;
    const taken = stat.pf_taken;
    bench.guests[0].read(3);
    expect(stat.pf_taken).toBe(taken);
  });

  it('empties the log before it protects: a fault between the two marks for the next', () => {
    const bench = written(3);
    const operations = operationsOf(bench.agent, (mem) => harvest(bench, mem));
    const emptied = operations.findIndex(({ verb }) => verb === 'and32');
    expect(operations.findIndex(({ verb }) => /^(and|store)64$/.test(verb))).toBeGreaterThan(
      emptied,
    );
  });

  it('flushes after it has released mmu_lock', () => {
    const bench = written(3);
    const operations = operationsOf(bench.agent, (mem) => harvest(bench, mem));
    const unlocked = operations.findIndex(({ verb }) => verb === 'writeUnlock');
    const asked = operations.findIndex(({ address }) => address === requestsAddress(0));
    expect(asked).toBeGreaterThan(unlocked);
  });

  it('flushes for a dirty page whose leaf has lost W already: that flush may be still to come', () => {
    const bench = written(3);
    harvest(bench);
    bench.agent.or32(bench.vm.at.dirty_bitmap, 1 << 3);
    const operations = operationsOf(bench.agent, (mem) => harvest(bench, mem));
    expect(operations.map(({ address }) => address)).toContain(requestsAddress(0));
  });

  it('flushes nobody when nothing was dirty', () => {
    const bench = written();
    const operations = operationsOf(bench.agent, (mem) => harvest(bench, mem));
    expect(operations.map(({ address }) => address)).not.toContain(requestsAddress(0));
  });

  it('takes a dirty page that is not mapped any more', () => {
    const bench = makeBenchWithSlot(LOGGED);
    bench.agent.or32(bench.vm.at.dirty_bitmap, 1 << 12);
    expect(harvest(bench)).toBe(1);
  });

  it('is told', () => {
    const bench = written(3, 9);
    expect(eventsOf(bench.agent, () => harvest(bench)).at(-1)).toEqual({
      event: 'get_dirty_log',
      slot: 0,
      dirty: 2,
    });
  });
});

describe('a harvest of one of two slots in one word of the log', () => {
  const twoSlots = (): Bench => {
    const bench = makeBench();
    createMemslot(bench.agent, bench.vm, slotOf({ id: 0, npages: 5, hvn: 3, flags: LOGGED }));
    createMemslot(
      bench.agent,
      bench.vm,
      slotOf({ id: 1, baseGfn: 8, npages: 5, hvn: 8, flags: LOGGED }),
    );
    for (const gfn of [0, 4, 8, 12]) bench.guests[0].write(gfn, 1);
    return bench;
  };

  it('takes its own pages only', () => {
    const bench = twoSlots();
    harvest(bench);
    expect(take(bench, 0)).toEqual([3, 7]);
  });

  it('leaves those of the other in the log', () => {
    const bench = twoSlots();
    harvest(bench);
    expect(pagesIn(bench, bench.vm.at.dirty_bitmap)).toEqual([8, 12]);
  });

  it('protects its own leaves only', () => {
    const bench = twoSlots();
    harvest(bench);
    expect([0, 4, 8, 12].map((gfn) => flagsOf(bench, gfn))).toEqual(['e65', 'e65', 'e67', 'e67']);
  });
});

describe('a harvest of a slot that is not logged', () => {
  it('finds nothing', () => {
    const bench = makeBenchWithSlot();
    bench.guests[0].write(3, 1);
    expect(harvest(bench)).toBe(0);
  });
});

describe('a harvest of a slot that does not exist', () => {
  it('says which there are', () => {
    const { agent, vm } = makeBenchWithSlot();
    expect(() => getDirtyLog(agent, vm, 9)).toThrow('expected a memslot, got id 9; there are: 0');
  });

  it('leaves no lock behind', () => {
    const { agent, vm } = makeBenchWithSlot();
    expect(() => getDirtyLog(agent, vm, 9)).toThrow();
    expect([vm.at.slots_lock, vm.at.mmu_lock].map((lock) => agent.load32(lock))).toEqual([0, 0]);
  });
});

describe('the clients of the dirty log', () => {
  it('each see every page of a harvest once', () => {
    const bench = written(3, 9);
    harvest(bench);
    expect([take(bench, 0), take(bench, 0), take(bench, 1), take(bench, 1)]).toEqual([
      [3, 9],
      [],
      [3, 9],
      [],
    ]);
  });

  it('see what several harvests found since they last asked', () => {
    const bench = written(3);
    harvest(bench);
    bench.guests[0].write(9, 1);
    harvest(bench);
    expect(take(bench, 1)).toEqual([3, 9]);
  });

  it('see the range they ask for', () => {
    const bench = written(3, 9);
    harvest(bench);
    expect(take(bench, 0, { hvn: hvnOf(4), npages: 12 })).toEqual([9]);
  });

  it('keep the rest for later', () => {
    const bench = written(3, 9);
    harvest(bench);
    take(bench, 0, { hvn: hvnOf(4), npages: 12 });
    expect(take(bench, 0)).toEqual([3]);
  });

  it('see nothing before a harvest', () => {
    expect(take(written(3), 0)).toEqual([]);
  });

  // Whoever copied the page then would miss what a vCPU stores through its TLB until the flush: nothing logs that.
  it('are told of a page only when no TLB lets an unlogged store through to it any more', () => {
    const bench = written(3);
    let told: number[] = [-1];
    const mem = before(bench.agent, { verb: 'or32', address: requestsAddress(1) }, () => {
      told = take(bench, 1);
    });
    harvest(bench, mem);
    expect([told, take(bench, 1)]).toEqual([[], [3]]);
  });

  it('need not exist', () => {
    const bench = makeBenchWithSlot(LOGGED, { dirtyClients: 0 });
    bench.guests[0].write(3, 1);
    expect(harvest(bench)).toBe(1);
  });
});
