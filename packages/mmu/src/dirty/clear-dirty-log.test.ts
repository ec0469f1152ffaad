import { requestsAddress } from '@faultline/atomics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  flagsOf,
  hvnOf,
  LOGGED,
  lastSpte,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  pagesIn,
  slotOf,
  usedMmu,
} from '../../test/fixture.ts';
import { isWritable } from '../spte/spte.ts';
import { createMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { clearDirtyLog } from './clear-dirty-log.ts';
import { markPageDirty } from './dirty-bitmap.ts';
import { getDirtyLog, takeDirty } from './harvest.ts';

const MANUAL = { manualDirtyLogProtect: 'enable' } as const;
const WHOLE = { firstPage: 0, numPages: 16 };
const logOf = (bench: Bench): number[] => pagesIn(bench, bench.vm.at.dirty_bitmap);
const bitsOf = (...pages: number[]): number[] => [
  pages.reduce((word, page) => word | (1 << page), 0),
];
const clear = ({ agent, vm }: Bench, pages: number[], client?: number): number =>
  clearDirtyLog(agent, vm, 0, {
    ...WHOLE,
    bits: bitsOf(...pages),
    ...(client !== undefined && { client }),
  });
const take = ({ mems, vm }: Bench, client: number): number[] => {
  const pages: number[] = [];
  const all = { hvn: hvnOf(0), npages: vm.hostPages };
  takeDirty(mems[3] as Bench['agent'], vm, all, client, (hvn) => pages.push(hvn));
  return pages;
};

function written(...gfns: number[]): Bench {
  const bench = makeBenchWithSlot(LOGGED, MANUAL);
  for (const gfn of gfns) bench.guests[0].write(gfn, gfn);
  return bench;
}

describe('a harvest with manual protection', () => {
  const harvested = () => {
    const bench = written(3, 9);
    return { bench, dirty: getDirtyLog(bench.agent, bench.vm, 0) };
  };

  it('answers how many pages are dirty', () => {
    expect(harvested().dirty).toBe(2);
  });

  it('tells every client', () => {
    const { bench } = harvested();
    expect([take(bench, 0), take(bench, 1)]).toEqual([
      [3, 9],
      [3, 9],
    ]);
  });

  it('leaves the pages in the log', () => {
    expect(logOf(harvested().bench)).toEqual([3, 9]);
  });

  it('leaves the pages writable', () => {
    const { bench } = harvested();
    expect([flagsOf(bench, 3), flagsOf(bench, 9)]).toEqual(['e67', 'e67']);
  });

  it('takes mmu_lock not at all, and flushes nobody', () => {
    const bench = written(3);
    const { mmu_lock } = bench.vm.at;
    const used = operationsOf(bench.agent, (mem) => getDirtyLog(mem, bench.vm, 0));
    const addresses = used.map(({ address }) => address);
    expect(addresses.filter((a) => a === mmu_lock || a === requestsAddress(0))).toEqual([]);
  });
});

describe('a clear', () => {
  it('answers how many of the named pages were dirty', () => {
    expect(clear(written(3, 9), [3, 4, 5])).toBe(1);
  });

  it('takes just the named pages from the log', () => {
    const bench = written(3, 9);
    clear(bench, [3, 4]);
    expect(logOf(bench)).toEqual([9]);
  });

  it('protects just those of them that were dirty', () => {
    const bench = written(3, 9);
    bench.agent.and32(bench.vm.at.dirty_bitmap, ~(1 << 9));
    clear(bench, [3, 9]);
    expect([flagsOf(bench, 3), flagsOf(bench, 9)]).toEqual(['e65', 'e67']);
  });

  it('makes the next write of the page fault, and mark it', () => {
    const bench = written(3);
    clear(bench, [3]);
    const taken = bench.guests[0].vcpu.stat.pf_taken;
    bench.guests[0].write(3, 1);
    expect([bench.guests[0].vcpu.stat.pf_taken - taken, logOf(bench)]).toEqual([1, [3]]);
  });

  it('tells all clients but its own', () => {
    const bench = written(3, 9);
    clear(bench, [3], 0);
    expect([take(bench, 0), take(bench, 1)]).toEqual([[], [3]]);
  });

  it('tells every client when nobody of them clears', () => {
    const bench = written(3);
    clear(bench, [3]);
    expect([take(bench, 0), take(bench, 1)]).toEqual([[3], [3]]);
  });

  it('tells only when no TLB lets an unlogged store through any more', () => {
    const bench = written(3);
    let told: number[] = [-1];
    const mem = before(bench.agent, { verb: 'or32', address: requestsAddress(1) }, () => {
      told = take(bench, 1);
    });
    clearDirtyLog(mem, bench.vm, 0, { ...WHOLE, bits: bitsOf(3) });
    expect([told, take(bench, 1)]).toEqual([[], [3]]);
  });

  it('empties the log before it protects', () => {
    const bench = written(3);
    const operations = operationsOf(bench.agent, (mem) =>
      clear({ ...bench, agent: mem as never }, [3]),
    );
    const emptied = operations.findIndex(({ verb }) => verb === 'and32');
    expect(operations.findIndex(({ verb }) => verb === 'and64')).toBeGreaterThan(emptied);
  });

  it('finds nothing in a slot that is not logged', () => {
    const bench = makeBenchWithSlot(0, MANUAL);
    bench.agent.or32(bench.vm.at.dirty_bitmap, 8);
    expect(clear(bench, [3])).toBe(0);
  });

  it('is told', () => {
    const bench = written(3, 9);
    expect(eventsOf(bench.agent, () => clear(bench, [3])).at(-1)).toEqual({
      event: 'clear_dirty_log',
      slot: 0,
      first_page: 0,
      num_pages: 16,
      cleared: 1,
    });
  });
});

describe('a clear of any range of any slot, whatever is dirty and whatever is named', () => {
  const HOST_PAGES = 400;
  const bench = makeBench({
    ...MANUAL,
    hostPages: HOST_PAGES,
    pageFrames: HOST_PAGES,
    geometry: { levels: 3, indexBits: 4 },
  });
  const slot = slotOf({ baseGfn: 5, npages: 333, hvn: 37, flags: LOGGED });
  createMemslot(bench.agent, bench.vm, slot);
  const pages = fc.uniqueArray(fc.nat({ max: 332 }));

  it('takes the pages that are both, within the range', () => {
    fc.assert(
      fc.property(
        pages,
        pages,
        fc.nat({ max: 5 }),
        fc.nat({ max: 6 }),
        (dirty, named, first, words) => {
          const firstPage = first * 64;
          const numPages = Math.min(words * 64, 333 - firstPage);
          setMemslotFlags(bench.agent, bench.vm, 0, 0);
          setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
          for (const page of dirty) markPageDirty(bench.agent, bench.vm, slot, (5 + page) as never);
          const bits = new Int32Array(Math.ceil(numPages / 32));
          for (const page of named)
            bits[(page - firstPage) >> 5] = (bits[(page - firstPage) >> 5] ?? 0) | (1 << page);
          clearDirtyLog(bench.agent, bench.vm, 0, { firstPage, numPages, bits });
          const isTaken = (page: number) =>
            named.includes(page) && page >= firstPage && page < firstPage + numPages;
          const left = dirty.filter((page) => !isTaken(page)).sort((a, b) => a - b);
          expect(logOf(bench)).toEqual(left.map((page) => page + 37));
        },
      ),
    );
  });
});

describe('a range that KVM refuses', () => {
  const bench = makeBench({
    ...MANUAL,
    hostPages: 200,
    pageFrames: 200,
    geometry: { levels: 2, indexBits: 4 },
  });
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 200, flags: LOGGED }));
  const bits = new Int32Array(7);

  it.each([
    [{ firstPage: 32, numPages: 64 }, 'a first page that is a multiple of 64'],
    [{ firstPage: -64, numPages: 64 }, 'a first page that is a multiple of 64'],
    [{ firstPage: 64, numPages: 192 }, 'pages within the slot'],
    [{ firstPage: 0, numPages: 63 }, 'a multiple of 64 pages, or all up to the end of the slot'],
  ])('%o is expected to be %s', (range, expected) => {
    const { firstPage, numPages } = range;
    expect(() => clearDirtyLog(bench.agent, bench.vm, 0, { ...range, bits })).toThrow(
      new RangeError(
        `expected ${expected}, got pages ${firstPage} + ${numPages} of slot 0, which has 200`,
      ),
    );
  });

  it('may end with the slot, short of 64', () => {
    expect(clearDirtyLog(bench.agent, bench.vm, 0, { firstPage: 192, numPages: 8, bits })).toBe(0);
  });

  it('has too few bits', () => {
    const few = { firstPage: 0, numPages: 128, bits: [0, 0, 0] };
    expect(() => clearDirtyLog(bench.agent, bench.vm, 0, few)).toThrow(
      'a bit for each page in 3 words',
    );
  });

  it('leaves no lock behind', () => {
    const { agent, vm } = bench;
    expect([vm.at.slots_lock, vm.at.mmu_lock].map((lock) => agent.load32(lock))).toEqual([0, 0]);
  });

  it('is of a client that does not exist', () => {
    const range = { firstPage: 0, numPages: 64, bits, client: 7 };
    expect(() => clearDirtyLog(bench.agent, bench.vm, 0, range)).toThrow(
      'a dirty-log client below 2',
    );
  });
});

describe('a log that is initially set', () => {
  const INITIALLY_SET = { manualDirtyLogProtect: 'initially-set' } as const;
  const enabled = () => {
    const bench = makeBenchWithSlot(0, INITIALLY_SET);
    bench.guests[0].write(3, 1);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    return bench;
  };

  it('has all pages of the slot when logging begins', () => {
    expect(logOf(enabled()).length).toBe(16);
  });

  it('has all pages of a slot that is logged from the start, and no others', () => {
    const bench = makeBench(INITIALLY_SET);
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 5, hvn: 7, flags: LOGGED }));
    expect(logOf(bench)).toEqual([7, 8, 9, 10, 11]);
  });

  it('begins without a look at the page table, and without a flush', () => {
    const bench = makeBenchWithSlot(0, INITIALLY_SET);
    bench.guests[0].write(3, 1);
    const { tlb_flush } = bench.guests[0].vcpu.stat;
    const operations = operationsOf(bench.agent, (mem) =>
      setMemslotFlags(mem, bench.vm, 0, LOGGED),
    );
    bench.guests[0].read(3);
    expect([
      operations.filter(
        ({ verb, address }) => verb === 'writeLock' && address === bench.vm.at.mmu_lock,
      ),
      bench.guests[0].vcpu.stat.tlb_flush - tlb_flush,
      flagsOf(bench, 3),
    ]).toEqual([[], 0, 'e67']);
  });

  it('is protected by the clear', () => {
    const bench = enabled();
    clear(bench, [3, 4]);
    expect([flagsOf(bench, 3), logOf(bench).length]).toEqual(['e65', 14]);
  });
});

describe('a log that is initially set over a large leaf', () => {
  const large = (eagerPageSplit: boolean) => {
    const bench = makeBenchWithSlot(0, {
      manualDirtyLogProtect: 'initially-set',
      transparentHugepage: 'always',
      eagerPageSplit,
    });
    bench.guests[0].write(5, 1);
    setMemslotFlags(bench.agent, bench.vm, 0, LOGGED);
    return bench;
  };

  it('leaves it large, and writable, until a page of it is cleared', () => {
    const { level, low } = lastSpte(large(true), 5);
    expect([level, isWritable(low)]).toEqual([2, true]);
  });

  it.each([
    [true, 1],
    [false, 2],
  ])('protects it by the clear (split at once: %s)', (eager, expected) => {
    const bench = large(eager);
    clear(bench, [5, 6]);
    const { level, low } = lastSpte(bench, 5);
    // Of the legacy MMU nothing is split eagerly.
    expect([level, isWritable(low)]).toEqual([usedMmu() === 'tdp' ? expected : 2, false]);
  });

  it.each([true, false])('marks what is written after the clear (split at once: %s)', (eager) => {
    const bench = large(eager);
    clear(
      bench,
      Array.from({ length: 16 }, (_, page) => page),
    );
    bench.guests[0].write(5, 2);
    bench.guests[1].write(6, 2);
    expect(logOf(bench)).toEqual(expect.arrayContaining([5, 6]));
  });
});
