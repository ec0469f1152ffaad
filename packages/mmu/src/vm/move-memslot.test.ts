import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  faultAndLeave,
  flagsOf,
  gfnOf,
  LOGGED,
  lastSpte,
  makeBench,
  operationsOf,
  pagesIn,
  READONLY,
  setSpte,
  slotOf,
} from '../../test/fixture.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { RET_PF_EMULATE, RET_PF_RETRY } from '../fault/ret-pf.ts';
import { KVM_MEMSLOT_INVALID, type Memslot, mmioGeneration, readMemslots } from './memslots.ts';
import { createMemslot, moveMemslot } from './set-memory-region.ts';
import { forEachSpte } from './tdp-iter.ts';

const slotsOf = ({ agent, vm }: Bench): Memslot[] =>
  readMemslots(agent, vm, agent.load32(vm.at.memslots));
const move = ({ agent, vm }: Bench, baseGfn: number, mem: Shared = agent): void =>
  moveMemslot(mem, vm, 0, gfnOf(baseGfn));

/** Pages 0 to 3, the second of which holds 7, at gfn 2. */
const withSlot = (flags = 0): Bench => {
  const bench = makeBench({ geometry: { levels: 2, indexBits: 3 } });
  createMemslot(bench.agent, bench.vm, slotOf({ baseGfn: 2, npages: 4, flags: flags & ~READONLY }));
  bench.guests[0].write(3, 7);
  return bench;
};
const moved = (baseGfn = 20, flags = 0): Bench => {
  const bench = withSlot(flags);
  move(bench, baseGfn);
  return bench;
};

describe('a memslot that has moved', () => {
  it('is as it was, but for where it begins', () => {
    expect(slotsOf(moved(20, LOGGED))).toEqual([slotOf({ baseGfn: 20, npages: 4, flags: LOGGED })]);
  });

  it('has its memory with it', () => {
    expect(moved().guests.map((guest) => guest.read(21))).toEqual([7, 7]);
  });

  it('leaves no memory where it was', () => {
    expect(moved().guests.map((guest) => guest.read(3))).toEqual([-1, -1]);
  });

  it('may overlap where it was', () => {
    const bench = moved(3);
    expect([2, 3, 4, 5, 6, 7].map((gfn) => bench.guests[1].read(gfn))).toEqual([
      -1, 0, 7, 0, 0, -1,
    ]);
  });

  it('leaves nothing of it mapped, and no table', () => {
    const bench = moved();
    let present = 0;
    forEachSpte(bench.agent, bench.vm, () => present++);
    expect(present).toBe(0);
  });

  it('moves the generation by two, so that no MMIO spte of either place counts', () => {
    const { agent, vm } = moved();
    expect(mmioGeneration(agent.load32(vm.at.memslots))).toBe(3);
  });

  it('is a device no longer for a vCPU that knew it as one', () => {
    const bench = withSlot();
    expect(bench.guests[1].read(21)).toBe(-1);
    move(bench, 20);
    expect(bench.guests[1].read(21)).toBe(7);
  });

  it('has its log with it: what was written in the old place is found in the next harvest', () => {
    const bench = moved(20, LOGGED);
    expect([
      getDirtyLog(bench.agent, bench.vm, 0),
      pagesIn(bench, bench.vm.at.client_bitmaps),
    ]).toEqual([1, [1]]);
  });

  it('marks what is written in the new place', () => {
    const bench = moved(20, LOGGED);
    getDirtyLog(bench.agent, bench.vm, 0);
    bench.guests[1].write(22, 1);
    expect(pagesIn(bench, bench.vm.at.dirty_bitmap)).toEqual([2]);
  });
});

describe('a memslot that is moved to where it is', () => {
  it('is left in peace', () => {
    const bench = withSlot();
    const written = operationsOf(bench.agent, (mem) => move(bench, 2, mem)).filter(
      ({ address }) => address === bench.vm.at.memslots,
    );
    expect(written.map(({ verb }) => verb)).toEqual(['load32']);
  });
});

describe('a memslot that cannot move', () => {
  const crowded = (): Bench => {
    const bench = withSlot();
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 10, npages: 4, hvn: 8 }));
    return bench;
  };

  it.each([
    [
      8,
      'expected no overlap in the guest with slot 1, got slot 0, gfn 0x8 + 4 pages at host page 0',
    ],
    [61, 'expected guest frames below 0x40, got slot 0, gfn 0x3d + 4 pages at host page 0'],
    [0.5, 'expected whole numbers, got slot 0, gfn 0x0.8 + 4 pages at host page 0'],
  ])('to gfn %d is refused in words', (baseGfn, message) => {
    expect(() => move(crowded(), baseGfn)).toThrow(new RangeError(message));
  });

  it('stays mapped where it is', () => {
    const bench = crowded();
    expect(() => move(bench, 8)).toThrow();
    expect(flagsOf(bench, 3)).toBe('e67');
  });
});

describe('a fault while its memslot moves', () => {
  /** Looks at the bench when the slot is invalid and zapped, right before it is published in its new place. */
  const inBetween = (bench: Bench, look: () => void): void => {
    const { agent, vm } = bench;
    const mem = before(agent, { verb: 'store32', address: vm.at.memslots, skip: 2 }, look);
    move(bench, 20, mem);
  };

  it('finds it invalid in the old place, and nothing in the new one', () => {
    const bench = withSlot();
    let seen: Memslot[] = [];
    inBetween(bench, () => {
      seen = slotsOf(bench);
    });
    expect(seen).toEqual([slotOf({ baseGfn: 2, npages: 4, flags: KVM_MEMSLOT_INVALID })]);
  });

  it('waits in the old place', () => {
    const bench = withSlot();
    let error = '';
    inBetween(bench, () => {
      try {
        faultAndLeave(bench, 3);
      } catch (caught) {
        error = (caught as Error).message;
      }
    });
    expect(error).toMatch(/nobody is left to change word/);
  });

  it('is answered by the VMM in the new place', () => {
    const bench = withSlot();
    let ret = 0;
    inBetween(bench, () => {
      ret = faultAndLeave(bench, 21).ret;
    });
    expect([ret, bench.guests[0].read(21)]).toEqual([RET_PF_EMULATE, 7]);
  });

  it('is sent back when it has the host page before and the lock after', () => {
    const bench = withSlot();
    const mem = before(bench.mems[0] as Shared, { verb: 'readLock' }, () => move(bench, 20));
    expect([faultAndLeave(bench, 4, { mem }).ret, flagsOf(bench, 4)]).toEqual([RET_PF_RETRY, '0']);
  });

  it('on the fast path loses its exchange, though it had walked to the leaf before', () => {
    const bench = withSlot(LOGGED);
    const { low, high, sptep } = lastSpte(bench, 3);
    setSpte(bench, 3, { low: low & ~2, high });
    const mem = before(bench.mems[0] as Shared, { verb: 'cmpxchg64', address: sptep }, () => {
      const far = before(bench.agent, { verb: 'synchronize', skip: 1 }, () => {
        throw new Error('far enough');
      });
      expect(() => move(bench, 20, far)).toThrow('far enough');
    });
    // Afterwards it is slow, in a slot that it knows as valid: the generation under the lock sends it back.
    expect(faultAndLeave(bench, 3, { mem })).toEqual({ ret: RET_PF_RETRY, fast: false });
  });
});
