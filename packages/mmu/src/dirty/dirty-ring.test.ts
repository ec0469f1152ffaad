import { type Shared, WAIT_WOKEN } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  eventsOf,
  flagsOf,
  gfnOf,
  hvnOf,
  LOGGED,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  pagesIn,
  slotOf,
} from '../../test/fixture.ts';
import { vmConfig } from '../vm/create-vm.ts';
import { createMemslot, deleteMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { markPageDirty } from './dirty-bitmap.ts';
import { dirtyGfnAt, dirtyIndex, isDirtyRingSoftFull, resetIndex } from './dirty-ring.ts';
import { getDirtyLog, takeDirty } from './harvest.ts';
import { harvestRings, resetDirtyRings } from './reset-rings.ts';

const RING = { dirtyRing: 16 };

function written(...gfns: number[]): Bench {
  const bench = makeBenchWithSlot(LOGGED, RING);
  for (const gfn of gfns) bench.guests[0].write(gfn, gfn);
  return bench;
}
const take = ({ mems, vm }: Bench, client = 0): number[] => {
  const pages: number[] = [];
  const all = { hvn: hvnOf(0), npages: vm.hostPages };
  takeDirty(mems[3] as Shared, vm, all, client, (hvn) => pages.push(hvn));
  return pages;
};
const harvest = ({ agent, vm }: Bench): string[] => {
  const seen: string[] = [];
  harvestRings(agent, vm, (slot, offset) => seen.push(`${slot}:${offset}`));
  return seen;
};
const reset = ({ agent, vm }: Bench): number => resetDirtyRings(agent, vm);
const logOf = (bench: Bench): number[] => pagesIn(bench, bench.vm.at.dirty_bitmap);

describe('a page that a vCPU writes in a VM with rings', () => {
  it('is in its ring, once, by slot and offset', () => {
    const bench = makeBench(RING);
    createMemslot(
      bench.agent,
      bench.vm,
      slotOf({ id: 3, baseGfn: 4, npages: 8, hvn: 2, flags: LOGGED }),
    );
    for (const value of [1, 2]) bench.guests[0].write(9, value);
    expect(harvest(bench)).toEqual(['3:5']);
  });

  it('is not in the bitmap', () => {
    expect(logOf(written(3, 9))).toEqual([]);
  });

  it('is in no ring when its slot is not logged', () => {
    const bench = makeBenchWithSlot(0, RING);
    bench.guests[0].write(3, 1);
    expect(harvest(bench)).toEqual([]);
  });

  it('is in the ring of whoever made it writable', () => {
    const bench = makeBenchWithSlot(LOGGED, RING);
    bench.guests[1].write(3, 1);
    const used = [0, 1].map((vcpu) => bench.agent.load32(dirtyIndex(bench.vm, vcpu)));
    expect(used).toEqual([0, 1]);
  });

  it('has its flag stored after its slot and offset', () => {
    const bench = makeBenchWithSlot(LOGGED, RING);
    const slot = slotOf({ npages: 16, flags: LOGGED });
    const mem = bench.mems[0] as Shared;
    const entry = dirtyGfnAt(bench.vm, 0, 0);
    const stored = operationsOf(mem, (own) => markPageDirty(own, bench.vm, slot, gfnOf(3)))
      .filter(({ verb }) => verb.startsWith('store'))
      .map(({ address }) => address - entry);
    expect(stored.slice(0, 3)).toEqual([4, 8, 0]);
  });

  it('is told as the kernel tells it', () => {
    const bench = makeBenchWithSlot(LOGGED, RING);
    const mem = bench.mems[0] as Bench['agent'];
    const slot = slotOf({ npages: 16, flags: LOGGED });
    expect(eventsOf(mem, () => markPageDirty(mem, bench.vm, slot, gfnOf(3)))).toEqual([
      {
        event: 'kvm_dirty_ring_push',
        index: 0,
        dirty_index: 1,
        reset_index: 0,
        slot: 0,
        offset: 3,
      },
    ]);
  });
});

describe('what has no place in a ring', () => {
  const slot = slotOf({ npages: 16, flags: LOGGED });

  it('because no vCPU wrote it is in the bitmap', () => {
    const bench = makeBenchWithSlot(LOGGED, RING);
    markPageDirty(bench.agent, bench.vm, slot, gfnOf(3));
    expect([logOf(bench), harvest(bench)]).toEqual([[3], []]);
  });

  it('because the ring is full to the last entry is in the bitmap', () => {
    const bench = makeBenchWithSlot(LOGGED, { dirtyRing: 4 });
    for (let gfn = 0; gfn < 6; gfn++)
      markPageDirty(bench.mems[0] as Shared, bench.vm, slot, gfnOf(gfn));
    expect([logOf(bench), harvest(bench)]).toEqual([
      [4, 5],
      ['0:0', '0:1', '0:2', '0:3'],
    ]);
  });

  it('is found by a harvest of the bitmap', () => {
    const bench = makeBenchWithSlot(LOGGED, RING);
    markPageDirty(bench.agent, bench.vm, slot, gfnOf(3));
    expect([getDirtyLog(bench.agent, bench.vm, 0), take(bench)]).toEqual([1, [3]]);
  });
});

describe('a harvest of the rings', () => {
  it('finds every entry in the order of the writes, ring by ring', () => {
    const bench = written(9, 3);
    bench.guests[1].write(5, 1);
    expect(harvest(bench)).toEqual(['0:9', '0:3', '0:5']);
  });

  it('finds none twice', () => {
    const bench = written(3);
    harvest(bench);
    bench.guests[0].write(9, 1);
    expect(harvest(bench)).toEqual(['0:9']);
  });

  it('protects nothing, and tells no client: the pages may not be read yet', () => {
    const bench = written(3);
    harvest(bench);
    expect([flagsOf(bench, 3), take(bench)]).toEqual(['e67', []]);
  });

  it('finds nothing in a VM without rings', () => {
    const bench = makeBenchWithSlot(LOGGED);
    bench.guests[0].write(3, 1);
    expect([harvest(bench), reset(bench)]).toEqual([[], 0]);
  });

  it('leaves no lock behind', () => {
    const bench = written(3);
    harvest(bench);
    reset(bench);
    const { slots_lock, mmu_lock } = bench.vm.at;
    expect([slots_lock, mmu_lock].map((lock) => bench.agent.load32(lock))).toEqual([0, 0]);
  });
});

describe('a reset of the rings', () => {
  const harvested = (...gfns: number[]): Bench => {
    const bench = written(...gfns);
    harvest(bench);
    return bench;
  };

  it('answers how many entries it gave back', () => {
    expect(reset(harvested(3, 9))).toBe(2);
  });

  it('leaves alone what was not harvested', () => {
    const bench = harvested(3);
    bench.guests[0].write(9, 1);
    expect([reset(bench), flagsOf(bench, 9), harvest(bench)]).toEqual([1, 'e67', ['0:9']]);
  });

  it('protects the pages, and leaves the fast path the right to give W back', () => {
    const bench = harvested(3, 9);
    reset(bench);
    expect([flagsOf(bench, 3), flagsOf(bench, 9)]).toEqual(['e65', 'e65']);
  });

  it('tells every client', () => {
    const bench = harvested(3, 9);
    reset(bench);
    expect([take(bench, 0), take(bench, 1)]).toEqual([
      [3, 9],
      [3, 9],
    ]);
  });

  it('makes the next write of a page an entry again', () => {
    const bench = harvested(3);
    reset(bench);
    bench.guests[0].write(3, 1);
    expect(harvest(bench)).toEqual(['0:3']);
  });

  it.each([0, 1] as const)('makes the next write of vCPU %i fault, whatever its TLB held', (id) => {
    const bench = written(3);
    bench.guests[1].write(3, 1);
    harvest(bench);
    reset(bench);
    const { stat } = bench.guests[id].vcpu;
    const taken = stat.pf_taken;
    bench.guests[id].write(3, 2);
    expect(stat.pf_taken).toBe(taken + 1);
  });

  it('holds mmu_lock once for entries in a row that lie within 64 pages of a slot', () => {
    const bench = makeBench({
      dirtyRing: 64,
      hostPages: 200,
      pageFrames: 200,
      geometry: { levels: 2, indexBits: 4 },
    });
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 200, flags: LOGGED }));
    for (const gfn of [1, 130, 2, 63, 64, 128]) bench.guests[0].write(gfn, 1);
    harvest(bench);
    const { mmu_lock } = bench.vm.at;
    const operations = operationsOf(bench.agent, (mem) => resetDirtyRings(mem, bench.vm));
    const locks = operations.filter((o) => o.verb === 'writeLock' && o.address === mmu_lock);
    expect([locks.length, take(bench)]).toEqual([4, [1, 2, 63, 64, 128, 130]]);
  });

  it('gives entries back whose slot has gone, and tells nobody of them', () => {
    const bench = harvested(3);
    deleteMemslot(bench.agent, bench.vm, 0);
    expect([reset(bench), take(bench)]).toEqual([1, []]);
  });

  it('gives entries back that lie beyond the slot that has the id now', () => {
    const bench = harvested(3, 9);
    deleteMemslot(bench.agent, bench.vm, 0);
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 4, flags: LOGGED }));
    expect([reset(bench), take(bench)]).toEqual([2, [3]]);
  });

  it('tells nobody of a slot that is not logged any more', () => {
    const bench = harvested(3);
    setMemslotFlags(bench.agent, bench.vm, 0, 0);
    expect([reset(bench), take(bench), flagsOf(bench, 3)]).toEqual([1, [], 'e67']);
  });

  it('is told of each ring, be there anything in it or not', () => {
    const bench = harvested(3, 9);
    expect(eventsOf(bench.agent, () => reset(bench)).slice(-2)).toEqual([
      { event: 'kvm_dirty_ring_reset', index: 0, dirty_index: 2, reset_index: 2 },
      { event: 'kvm_dirty_ring_reset', index: 1, dirty_index: 0, reset_index: 0 },
    ]);
  });
});

describe('a vCPU whose ring is as good as full', () => {
  /** A ring of eight, full at four; whoever would have to sleep has the rings reset. */
  const small = () => {
    const bench = makeBenchWithSlot(LOGGED, { dirtyRing: 8 });
    const waits: number[] = [];
    Object.assign(bench.mems[0] as Shared, {
      wait: (address: number) => {
        waits.push(address);
        harvest(bench);
        reset(bench);
        return WAIT_WOKEN;
      },
    });
    return { bench, waits };
  };
  const writeAll = (bench: Bench, count: number) => {
    for (let gfn = 0; gfn < count; gfn++) bench.guests[0].write(gfn, gfn + 1);
  };

  it('is so with as many entries left as it may fill on its way out', () => {
    const slot = slotOf({ npages: 16, flags: LOGGED });
    const bench = makeBenchWithSlot(LOGGED, { dirtyRing: 256 });
    const fullAfter = Array.from({ length: 200 }, (_, n) => {
      markPageDirty(bench.mems[0] as Shared, bench.vm, slot, gfnOf(n % 16));
      return isDirtyRingSoftFull(bench.agent, bench.vm, 0);
    });
    expect(fullAfter.indexOf(true) + 1).toBe(256 - 64);
  });

  it('leaves the guest before its next access', () => {
    const { bench, waits } = small();
    writeAll(bench, 4);
    expect([waits, bench.guests[0].vcpu.stat.dirty_ring_exits]).toEqual([
      [resetIndex(bench.vm, 0)],
      1,
    ]);
  });

  it('waits for a reset, and goes on', () => {
    const { bench } = small();
    writeAll(bench, 16);
    expect(Array.from({ length: 16 }, (_, gfn) => bench.guests[1].read(gfn))).toEqual(
      Array.from({ length: 16 }, (_, gfn) => gfn + 1),
    );
  });

  it('has every page noted, over several laps', () => {
    const { bench } = small();
    for (let lap = 0; lap < 3; lap++) writeAll(bench, 16);
    harvest(bench);
    reset(bench);
    expect(take(bench)).toEqual(Array.from({ length: 16 }, (_, gfn) => gfn));
  });

  it('does not wait when the ring was reset before it looked', () => {
    const bench = makeBenchWithSlot(LOGGED, { dirtyRing: 8 });
    const slot = slotOf({ npages: 16, flags: LOGGED });
    for (let n = 0; n < 4; n++) markPageDirty(bench.mems[0] as Shared, bench.vm, slot, gfnOf(n));
    harvest(bench);
    reset(bench);
    bench.guests[0].read(9);
    expect(bench.guests[0].vcpu.stat.dirty_ring_exits).toBe(0);
  });

  it('says so', () => {
    const { bench } = small();
    const mem = bench.mems[0] as Bench['agent'];
    const events = eventsOf(mem, () => writeAll(bench, 4));
    expect(events).toContainEqual({ event: 'kvm_dirty_ring_exit', vcpu_id: 0 });
  });
});

describe('a VM that cannot be', () => {
  const config = (options: object) => () => vmConfig({ vcpus: 1, hostPages: 1, ...options });

  it.each([1, 3, 100])('has a ring of %i entries', (dirtyRing) => {
    expect(config({ dirtyRing })).toThrow('a power of two from 2 on');
  });

  it('has a ring longer than any of KVM', () => {
    expect(config({ dirtyRing: 131072 })).toThrow('expected dirtyRing between 0 and 65536');
  });

  it('has rings and manual protection', () => {
    expect(config({ dirtyRing: 64, manualDirtyLogProtect: 'enable' })).toThrow(
      'expected a dirty ring or manual protection, got 64 entries and enable',
    );
  });

  it('has manual protection of a kind that is not known', () => {
    expect(config({ manualDirtyLogProtect: 'maybe' })).toThrow('none, enable, initially-set');
  });
});
