import { findDamage, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  faultAndLeave,
  faultAt,
  faultLock,
  flagsOf,
  gfnOf,
  itOfTdp,
  LOGGED,
  lastSpte,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  pagesIn,
  setSpte,
  slotOf,
} from '../../test/fixture.ts';
import { GFN_LIMIT, X86_64 } from '../address.ts';
import { fastPageFault } from '../fault/fast-page-fault.ts';
import { RET_PF_INVALID, RET_PF_RETRY } from '../fault/ret-pf.ts';
import type { VmOptions } from './create-vm.ts';
import {
  findSlot,
  forgetMemslots,
  gfnToMemslot,
  isSameMemslots,
  isUpdateInProgress,
  type Memslot,
  mmioGeneration,
  newMemslotCache,
  readMemslots,
} from './memslots.ts';
import { createMemslot, deleteMemslot, moveMemslot, setMemslotFlags } from './set-memory-region.ts';
import { forEachSpte } from './tdp-iter.ts';

const create = ({ agent, vm }: Bench, slot: Memslot, mem: Shared = agent): void =>
  createMemslot(mem, vm, slot);
const remove = ({ agent, vm }: Bench, id: number, mem: Shared = agent): void =>
  deleteMemslot(mem, vm, id);
const setFlags = ({ agent, vm }: Bench, flags: number, id = 0, mem: Shared = agent): void =>
  setMemslotFlags(mem, vm, id, flags);
const slotsOf = ({ agent, vm }: Bench): Memslot[] =>
  readMemslots(agent, vm, agent.load32(vm.at.memslots));
const dirtyPages = (bench: Bench): number[] => pagesIn(bench, bench.vm.at.dirty_bitmap);
const generationOf = ({ agent, vm }: Bench): number => mmioGeneration(agent.load32(vm.at.memslots));
const lockFree = ({ agent, vm }: Bench): boolean => agent.load32(vm.at.slots_lock) === 0;

describe('a memslot that is created', () => {
  const slot = slotOf({ id: 31, baseGfn: 4, npages: 8, hvn: 2, flags: LOGGED });

  it('is there, as it was asked for', () => {
    const bench = makeBench();
    create(bench, slot);
    expect(slotsOf(bench)).toEqual([slot]);
  });

  it('is memory for the guest from its first to its last page', () => {
    const bench = makeBench();
    create(bench, slot);
    const [guest] = bench.guests;
    expect([3, 4, 11, 12].map((gfn) => guest.write(gfn, 1))).toEqual([false, true, true, false]);
  });

  it('moves the generation by one', () => {
    const bench = makeBench();
    create(bench, slot);
    expect(generationOf(bench)).toBe(1);
  });

  it('has an update in progress, of the old generation, until nobody uses the old slots', () => {
    const bench = makeBench();
    let during = -1;
    const look = before(bench.agent, { verb: 'synchronize' }, () => {
      during = bench.agent.load32(bench.vm.at.memslots);
    });
    create(bench, slot, look);
    const words = [during, bench.agent.load32(bench.vm.at.memslots)];
    expect(words.map((word) => [isUpdateInProgress(word), mmioGeneration(word)])).toEqual([
      [true, 0],
      [false, 1],
    ]);
  });

  it('is the same slots before and after the generation has moved', () => {
    const bench = makeBench();
    const seen: boolean[] = [];
    const look = before(bench.agent, { verb: 'synchronize' }, () => {
      const word = bench.agent.load32(bench.vm.at.memslots);
      seen.push(isSameMemslots(word, word + 1), isSameMemslots(word, word - 1));
    });
    create(bench, slot, look);
    expect(seen).toEqual([true, false]);
  });

  it('marks from its first write when it is logged', () => {
    const bench = makeBench();
    create(bench, slot);
    bench.guests[0].write(4, 1);
    expect(dirtyPages(bench)).toEqual([2]);
  });

  it('is published before anybody waits for those who use the old ones', () => {
    const bench = makeBench();
    const operations = operationsOf(bench.agent, (mem) => create(bench, slot, mem));
    const published = operations.findIndex(
      ({ verb, address }) => verb === 'store32' && address === bench.vm.at.memslots,
    );
    const waited = operations.findIndex(({ verb }) => verb === 'synchronize');
    expect(published).toBeLessThan(waited);
  });

  it('wakes the faults that wait for the slots to change', () => {
    const bench = makeBench();
    const operations = operationsOf(bench.agent, (mem) => create(bench, slot, mem));
    const notified = operations.filter(({ verb }) => verb === 'notify');
    expect(notified.map(({ address }) => address)).toEqual([bench.vm.at.memslots]);
  });

  it('can be as many as there are ids', () => {
    const bench = makeBench({
      hostPages: 32,
      geometry: { levels: 3, indexBits: 2 },
      pageFrames: 40,
    });
    for (let id = 0; id < 32; id++) create(bench, slotOf({ id, baseGfn: id, hvn: id }));
    expect(slotsOf(bench).map(({ id }) => id)).toEqual(Array.from({ length: 32 }, (_, id) => id));
  });
});

describe('a memslot that cannot be', () => {
  const refusals: [string, Partial<Record<keyof Memslot, number>>, string][] = [
    [
      'has an id that is too large',
      { id: 32 },
      'expected a slot id below 32, got slot 32, gfn 0x0 + 1 pages at host page 0',
    ],
    [
      'has an id below 0',
      { id: -1 },
      'expected a slot id below 32, got slot -1, gfn 0x0 + 1 pages at host page 0',
    ],
    [
      'has no pages',
      { npages: 0 },
      'expected at least one page, got slot 0, gfn 0x0 + 0 pages at host page 0',
    ],
    [
      'ends beyond what the page table maps',
      { baseGfn: 15, npages: 2 },
      'expected guest frames below 0x10, got slot 0, gfn 0xf + 2 pages at host page 0',
    ],
    [
      'begins below 0',
      { baseGfn: -1, npages: 2 },
      'expected guest frames below 0x10, got slot 0, gfn 0x-1 + 2 pages at host page 0',
    ],
    [
      'ends beyond the memory of the VMM',
      { hvn: 15, npages: 2 },
      'expected host pages below 16, got slot 0, gfn 0x0 + 2 pages at host page 15',
    ],
    [
      'has an id that is in use',
      { id: 5, baseGfn: 8, hvn: 8 },
      'expected a slot id that is not in use, got slot 5, gfn 0x8 + 1 pages at host page 8',
    ],
    [
      'overlaps another in the guest',
      { baseGfn: 3, npages: 2, hvn: 8 },
      'expected no overlap in the guest with slot 5, got slot 0, gfn 0x3 + 2 pages at host page 8',
    ],
    [
      'overlaps another in the host',
      { baseGfn: 8, npages: 3, hvn: 2 },
      'expected no overlap in the host with slot 5, got slot 0, gfn 0x8 + 3 pages at host page 2',
    ],
    [
      'begins between two frames',
      { baseGfn: 1.5 },
      'expected whole numbers, got slot 0, gfn 0x1.8 + 1 pages at host page 0',
    ],
    [
      'has a flag that is not known',
      { flags: 1 << 16 },
      'expected no flag but KVM_MEM_LOG_DIRTY_PAGES (0x1) and KVM_MEM_READONLY (0x2), got 0x10000',
    ],
  ];
  const withSlot = (): Bench => {
    const bench = makeBench();
    create(bench, slotOf({ id: 5, baseGfn: 4, npages: 2, hvn: 4 }));
    return bench;
  };

  it.each(refusals)('because it %s is refused in words', (_, slot, message) => {
    expect(() => create(withSlot(), slotOf(slot))).toThrow(new RangeError(message));
  });

  it.each(refusals)('because it %s leaves the slots and their lock alone', (_, slot) => {
    const bench = withSlot();
    expect(() => create(bench, slotOf(slot))).toThrow();
    expect([slotsOf(bench).length, lockFree(bench)]).toEqual([1, true]);
  });

  it('because it would hold the gfn that stands for all beyond is refused, in the largest geometry', () => {
    const bench = makeBench({ geometry: { levels: 4, indexBits: 9 } });
    expect(() => create(bench, slotOf({ baseGfn: GFN_LIMIT }))).toThrow(
      'expected guest frames below 0xfffffffe',
    );
  });
});

describe('a memslot that is not there', () => {
  it.each([
    ['deleted', (bench: Bench) => remove(bench, 3)],
    ['switched', (bench: Bench) => setFlags(bench, LOGGED, 3)],
    ['moved', ({ agent, vm }: Bench) => moveMemslot(agent, vm, 3, gfnOf(8))],
  ])('cannot be %s: the error says which there are', (_, act) => {
    expect(() => act(makeBenchWithSlot())).toThrow(
      new RangeError('expected a memslot, got id 3; there are: 0'),
    );
  });

  it('cannot be deleted where there is none at all', () => {
    expect(() => remove(makeBench(), 3)).toThrow('expected a memslot, got id 3; there are: none');
  });

  it('leaves the lock free', () => {
    const bench = makeBench();
    expect(() => remove(bench, 3)).toThrow();
    expect(lockFree(bench)).toBe(true);
  });
});

describe('the slot of a gfn', () => {
  const bench = makeBench();
  create(bench, slotOf({ id: 0, baseGfn: 0, npages: 4, hvn: 8 }));
  create(bench, slotOf({ id: 1, baseGfn: 8, npages: 4, hvn: 0 }));
  const cache = newMemslotCache();
  const idOf = (gfn: number) => gfnToMemslot(bench.agent, bench.vm, cache, gfnOf(gfn))?.id;

  it('is found at both of its ends, and not beyond', () => {
    expect([0, 3, 4, 7, 8, 11, 12].map(idOf)).toEqual([
      0,
      0,
      undefined,
      undefined,
      1,
      1,
      undefined,
    ]);
  });

  it('is found again without a look at what is shared', () => {
    idOf(8);
    const operations = operationsOf(bench.agent, (mem) =>
      gfnToMemslot(mem, bench.vm, cache, gfnOf(9)),
    );
    expect(operations).toEqual([]);
  });

  it('is looked for anew once the copy is forgotten', () => {
    const { agent, vm } = makeBenchWithSlot();
    const own = newMemslotCache();
    gfnToMemslot(agent, vm, own, gfnOf(3));
    deleteMemslot(agent, vm, 0);
    forgetMemslots(own);
    expect(gfnToMemslot(agent, vm, own, gfnOf(3))).toBeUndefined();
  });
});

/** Counts the page-table frames that all threads together have taken and not given back. */
function countFrames({ mems }: Bench): () => number {
  let taken = 0;
  for (const mem of mems) {
    const alloc = mem.alloc.bind(mem);
    const free = mem.free.bind(mem);
    mem.alloc = () => {
      taken++;
      return alloc();
    };
    mem.free = (frame) => {
      taken--;
      free(frame);
    };
  }
  return () => taken;
}

describe.each(
  [
    { levels: 2, indexBits: 2 },
    { levels: 4, indexBits: 1 },
  ].flatMap((geometry) => [true, false].map((slotZapAll) => ({ ...geometry, slotZapAll }))),
)(
  'deleting a memslot that fills a table of $levels levels, slotZapAll $slotZapAll',
  ({ slotZapAll, ...geometry }) => {
    const deleted = (flags = 0) => {
      const bench = makeBench({ geometry, slotZapAll });
      const frames = countFrames(bench);
      create(bench, slotOf({ npages: 16, flags }));
      for (let gfn = 0; gfn < 16; gfn++) bench.guests[gfn & 1]?.write(gfn, 1);
      const before = frames();
      remove(bench, 0);
      return { bench, before, after: frames() };
    };

    it('frees every table below the root', () => {
      const { before, after } = deleted();
      expect([before > 0, after]).toEqual([true, 0]);
    });

    it('leaves nothing present', () => {
      const { bench } = deleted();
      let present = 0;
      forEachSpte(bench.agent, bench.vm, () => present++);
      expect(present).toBe(0);
    });

    it('leaves no frozen entry behind', () => {
      const { bench } = deleted();
      expect(Array.from({ length: 16 }, (_, gfn) => flagsOf(bench, gfn))).toEqual(
        Array.from({ length: 16 }, () => '0'),
      );
    });

    itOfTdp('frees them when nobody can hold a pointer to one any more', () => {
      const bench = makeBenchWithSlot(0, { geometry, slotZapAll });
      bench.guests[0].write(5, 1);
      const operations = operationsOf(bench.agent, (mem) => remove(bench, 0, mem));
      const order = operations
        .map(({ verb }) => verb)
        .filter((verb) => /synchronize|free/.test(verb));
      const levels = geometry.levels - 1;
      expect(order).toEqual([
        'synchronize',
        // The wait for the vCPUs to give up the root stands for it.
        ...(slotZapAll ? [] : ['synchronize']),
        ...Array.from({ length: levels }, () => 'free'),
        'synchronize',
      ]);
    });

    it('writes to no table once it is freed', () => {
      const { bench } = deleted();
      for (const mem of bench.mems) mem.disconnect();
      expect(findDamage(bench.agent, bench.agent.memory.map)).toBeUndefined();
    });

    it('is no memory for the guest any more', () => {
      const { bench } = deleted();
      expect(bench.guests.map((guest) => guest.read(5))).toEqual([-1, -1]);
    });

    it('keeps the memory of the VMM, for a slot that is created there again', () => {
      const { bench } = deleted();
      create(bench, slotOf({ id: 1, npages: 16 }));
      expect(bench.guests[0].read(5)).toBe(1);
    });

    it('moves the generation by two: invalid, then gone', () => {
      const { bench } = deleted();
      expect(generationOf(bench)).toBe(3);
    });
  },
);

describe('deleting a memslot that shares a table with another, with what it maps alone', () => {
  const shared = (): Bench => {
    const bench = makeBench({ slotZapAll: false });
    create(bench, slotOf({ id: 0, baseGfn: 0, npages: 6, hvn: 0 }));
    create(bench, slotOf({ id: 1, baseGfn: 6, npages: 6, hvn: 6 }));
    for (let gfn = 0; gfn < 12; gfn++) bench.guests[0].write(gfn, gfn);
    return bench;
  };
  const mappedGfns = (bench: Bench): number[] =>
    Array.from({ length: 12 }, (_, gfn) => gfn).filter((gfn) => flagsOf(bench, gfn) !== '0');

  it('zaps its own leaves and leaves those of the other', () => {
    const bench = shared();
    remove(bench, 0);
    expect(mappedGfns(bench)).toEqual([6, 7, 8, 9, 10, 11]);
  });

  itOfTdp('flushes before it releases mmu_lock', () => {
    const bench = shared();
    const operations = operationsOf(bench.agent, (mem) => remove(bench, 0, mem));
    const unlocked = operations.findIndex(({ verb }) => verb === 'readUnlock');
    const flushes = operations.flatMap(({ verb, args }, at) =>
      verb === 'or32' && args[0] === 2 ? [at] : [],
    );
    expect([flushes.length > 0, flushes.every((at) => at < unlocked)]).toEqual([true, true]);
  });

  it('zaps a leaf that the fast path makes writable under its hands', () => {
    const bench = shared();
    const { low, high } = lastSpte(bench, 4);
    setSpte(bench, 4, { low: low & ~2, high });
    const { sptep } = lastSpte(bench, 4);
    const mem = before(bench.agent, { verb: 'cmpxchg64', address: sptep }, () =>
      setSpte(bench, 4, { low, high }),
    );
    remove(bench, 0, mem);
    expect(flagsOf(bench, 4)).toBe('0');
  });
});

describe('a fault beside the deletion of its memslot', () => {
  /** Deletes slot 0 as far as to the wait for those who still use its tables. */
  const deleteUpToGracePeriod = (bench: Bench): void => {
    const mem = before(bench.agent, { verb: 'synchronize', skip: 1 }, () => {
      throw new Error('far enough');
    });
    expect(() => remove(bench, 0, mem)).toThrow('far enough');
  };

  it('on the fast path finds its leaf frozen, though it had walked to it before', () => {
    const bench = makeBenchWithSlot(LOGGED, { slotZapAll: false });
    bench.guests[0].write(3, 1);
    const { low, high } = lastSpte(bench, 3);
    setSpte(bench, 3, { low: low & ~2, high });
    const mem = before(bench.mems[0] as Shared, { verb: 'cmpxchg64' }, () =>
      deleteUpToGracePeriod(bench),
    );
    expect(fastPageFault(mem, bench.vm, faultAt(bench, 3, undefined))).toBe(RET_PF_INVALID);
  });

  it('on the slow path is sent back, though it had the host page before', () => {
    const bench = makeBenchWithSlot();
    const mem = before(bench.mems[0] as Shared, { verb: faultLock() }, () => remove(bench, 0));
    expect(faultAndLeave(bench, 3, { mem }).ret).toBe(RET_PF_RETRY);
  });
});

describe('switching the dirty log on', () => {
  const enabled = (options: Partial<VmOptions> = {}): Bench => {
    const bench = makeBenchWithSlot(0, options);
    for (const gfn of [3, 9]) bench.guests[0].write(gfn, 1);
    bench.agent.store32(bench.vm.at.dirty_bitmap, 0xffff);
    setFlags(bench, LOGGED);
    return bench;
  };

  it('write-protects what was writable', () => {
    const bench = enabled();
    expect([flagsOf(bench, 3), flagsOf(bench, 9)]).toEqual(['e65', 'e65']);
  });

  it('leaves the fast path the right to give W back', () => {
    const bench = enabled();
    expect(fastPageFault(bench.agent, bench.vm, faultAt(bench, 3, slotOf({ flags: LOGGED })))).toBe(
      5,
    );
  });

  it('clears what an earlier logging has left', () => {
    expect(dirtyPages(enabled())).toEqual([]);
  });

  it('leaves the bits of other slots', () => {
    const bench = makeBench();
    create(bench, slotOf({ id: 0, npages: 5, hvn: 5 }));
    bench.agent.store32(bench.vm.at.dirty_bitmap, 0xffff);
    setFlags(bench, LOGGED);
    expect(dirtyPages(bench)).toEqual([0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15]);
  });

  it('makes the next write of a vCPU with a writable translation fault and mark', () => {
    const bench = enabled();
    bench.guests[0].write(3, 2);
    expect(dirtyPages(bench)).toEqual([3]);
  });

  it('flushes even when no leaf was writable: others may have left their flush for later', () => {
    const bench = makeBenchWithSlot();
    const operations = operationsOf(bench.agent, (mem) => setFlags(bench, LOGGED, 0, mem));
    expect(operations.filter(({ verb }) => verb === 'or32').map(({ args }) => args[0])).toEqual([
      2, 2,
    ]);
  });

  it('protects only when every vCPU knows that it has to mark', () => {
    const bench = makeBenchWithSlot();
    bench.guests[0].write(3, 1);
    const operations = operationsOf(bench.agent, (mem) => setFlags(bench, LOGGED, 0, mem));
    const known = operations.findIndex(({ verb }) => verb === 'synchronize');
    expect(operations.findIndex(({ verb }) => /^(and|store)64$/.test(verb))).toBeGreaterThan(known);
  });

  it('twice protects nothing the second time', () => {
    const bench = enabled();
    bench.guests[0].write(3, 2);
    setFlags(bench, LOGGED);
    expect([flagsOf(bench, 3), dirtyPages(bench)]).toEqual(['e67', [3]]);
  });
});

describe('switching the dirty log off', () => {
  const disabled = (): Bench => {
    const bench = makeBenchWithSlot(LOGGED);
    bench.guests[0].write(3, 1);
    setFlags(bench, 0);
    return bench;
  };

  it('stops the marks', () => {
    const bench = disabled();
    bench.guests[0].write(4, 1);
    expect(dirtyPages(bench)).toEqual([3]);
  });

  it('leaves what is mapped as it is', () => {
    expect(flagsOf(disabled(), 3)).toBe('e67');
  });
});

describe('a flag that is not known', () => {
  it('is refused: the flag of a slot on its way out would make every fault wait for ever', () => {
    expect(() => setFlags(makeBenchWithSlot(), 1 << 16)).toThrow(
      new RangeError(
        'expected no flag but KVM_MEM_LOG_DIRTY_PAGES (0x1) and KVM_MEM_READONLY (0x2), got 0x10000',
      ),
    );
  });
});

describe('the slot with an id', () => {
  it('is found by it', () => {
    expect(findSlot(slotsOf(makeBenchWithSlot()), 0).npages).toBe(16);
  });
});

describe('small slots that come and go in ever new places', () => {
  it.each([true, false])('leave no table behind, slotZapAll %s', (slotZapAll) => {
    const bench = makeBench({ hostPages: 1, geometry: X86_64, tableFrames: 40, slotZapAll });
    for (let place = 1; place <= 50; place++) {
      const baseGfn = place << 18; // each under upper tables of its own
      createMemslot(bench.agent, bench.vm, slotOf({ baseGfn, npages: 1 }));
      bench.guests[0].write(baseGfn, place);
      deleteMemslot(bench.agent, bench.vm, 0);
    }
    let left = 0;
    forEachSpte(bench.agent, bench.vm, () => left++);
    expect(left).toBe(0);
  });

  it('keep the tables that a neighbour uses, without slotZapAll', () => {
    const bench = makeBench({ hostPages: 2, geometry: X86_64, slotZapAll: false });
    createMemslot(bench.agent, bench.vm, slotOf({ id: 0, baseGfn: 8, npages: 1, hvn: 0 }));
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 9, npages: 1, hvn: 1 }));
    bench.guests[0].write(8, 1);
    bench.guests[0].write(9, 2);
    deleteMemslot(bench.agent, bench.vm, 0);
    expect([flagsOf(bench, 9), bench.guests[0].read(9)]).toEqual(['e67', 2]);
  });
});
