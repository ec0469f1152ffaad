// Faults where the host has huge pages, of four pages each.
import { findDamage, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  faultAndLeave,
  flagsOf,
  hostPteOf,
  hvnOf,
  illegalSptes,
  LOGGED,
  lastSpte,
  makeBench,
  makeBenchWithSlot,
  pagesIn,
  slotOf,
} from '../../test/fixture.ts';
import { getDirtyLog } from '../dirty/harvest.ts';
import { HOST_PTE_HUGE, hostPtePfn, hostPtep } from '../host/host-pte.ts';
import { collapseHugePage } from '../host/huge-page.ts';
import { writeProtectHostPage } from '../host/ksm.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import type { FaultLock, FaultPath } from '../memory-map.ts';
import { FROZEN_SPTE, isShadowPresent, isWritable, spteToPfn } from '../spte/spte.ts';
import { createMemslot, deleteMemslot, setMemslotFlags } from '../vm/set-memory-region.ts';
import { RET_PF_FIXED, RET_PF_RETRY, RET_PF_SPURIOUS } from './ret-pf.ts';

const HUGE = { transparentHugepage: 'always' } as const;
const huge = (options = {}, flags = 0): Bench => makeBenchWithSlot(flags, { ...HUGE, ...options });
const levels = (bench: Bench, from = 0, to = 4): number[] =>
  Array.from({ length: to - from }, (_, n) => lastSpte(bench, from + n).level);
const dirty = (bench: Bench): number[] => pagesIn(bench, bench.vm.at.dirty_bitmap);
const logOn = ({ agent, vm }: Bench): void => setMemslotFlags(agent, vm, 0, LOGGED);
const logOff = ({ agent, vm }: Bench): void => setMemslotFlags(agent, vm, 0, 0);
/** The leaf of gfns 0 to 3 is large, and protected: its log began without a split. */
function lateSplit(options = {}): Bench {
  const bench = huge({ eagerPageSplit: false, ...options });
  for (let gfn = 0; gfn < 4; gfn++) bench.guests[0].write(gfn, gfn + 1);
  logOn(bench);
  return bench;
}
/** A table of small leaves over a huge page: a collapse has unmapped them. */
function collapsed(options = {}): Bench {
  const bench = huge(options);
  const { agent, vm, guests } = bench;
  guests[0].write(0, 1);
  writeProtectHostPage(agent, vm, hvnOf(0));
  for (let gfn = 0; gfn < 4; gfn++) guests[0].write(gfn, gfn + 1);
  expect(levels(bench)).toEqual([1, 1, 1, 1]);
  expect(collapseHugePage(agent, vm, hvnOf(0))).toBe(true);
  return bench;
}
/** Frames that vCPU 0's thread can take, which it then gives back. */
function framesLeft({ mems: [mem] }: Bench): number {
  const taken: number[] = [];
  try {
    for (;;) taken.push((mem as Shared).alloc());
  } catch {
    for (const frame of taken) (mem as Shared).free(frame);
  }
  return taken.length;
}

describe('the first fault on a huge page', () => {
  it('maps all of it, whichever page it is on', () => {
    for (const gfn of [4, 5, 7]) {
      const bench = huge();
      expect(faultAndLeave(bench, gfn)).toEqual({ ret: RET_PF_FIXED, fast: false });
      expect(levels(bench, 4, 8)).toEqual([2, 2, 2, 2]);
      expect(flagsOf(bench, 4)).toBe('ee7');
      const { low, high } = lastSpte(bench, 6);
      expect(spteToPfn(low, high)).toBe(hostPtePfn(hostPteOf(bench, 4)));
    }
  });

  it('has no vCPU fault on the others, and each page is its own', () => {
    const bench = huge();
    const { guests } = bench;
    for (let gfn = 0; gfn < 4; gfn++) guests[0].write(gfn, gfn + 1, gfn);
    expect([0, 1, 2, 3].map((gfn) => guests[1].read(gfn, gfn))).toEqual([1, 2, 3, 4]);
    expect(guests.map(({ vcpu }) => [vcpu.stat.pf_taken, vcpu.stat.tlb_fill])).toEqual([
      [1, 4],
      [0, 4],
    ]);
  });

  it('maps it at level 2 of three as well', () => {
    const bench = huge({ geometry: { levels: 3, indexBits: 2 } });
    bench.guests[0].write(6, 1);
    expect(levels(bench, 4, 8)).toEqual([2, 2, 2, 2]);
    expect(lastSpte(bench, 8)).toMatchObject({ level: 2, low: 0 });
  });

  it('says so, of the first gfn, once it has asked for the frame of its own', () => {
    const bench = huge();
    const mem = bench.mems[0] as (typeof bench.mems)[0];
    const events = eventsOf(mem, () => faultAndLeave(bench, 6));
    const { low, high, sptep } = lastSpte(bench, 4);
    const pfn = hostPtePfn(hostPteOf(bench, 4));
    expect(events.slice(-3)).toMatchObject([
      { event: 'kvm_mmu_spte_requested', gfn: 6, pfn: pfn + 2, level: 2 },
      { event: 'kvm_tdp_mmu_spte_changed', gfn: 4, level: 2, new_spte: { low, high } },
      { event: 'kvm_mmu_set_spte', gfn: 4, level: 2, spte: { low, high }, sptep },
    ]);
  });

  it('maps small pages in a logged slot, and marks the one', () => {
    const bench = huge({}, LOGGED);
    bench.guests[0].write(2, 1);
    expect(levels(bench)).toEqual([1, 1, 1, 1]);
    expect([0, 1, 2, 3].map((gfn) => isShadowPresent(lastSpte(bench, gfn).low))).toEqual([
      ...[false, false, true, false],
    ]);
    expect(dirty(bench)).toEqual([2]);
  });

  it('maps small pages at the edges of a slot', () => {
    const bench = makeBench(HUGE);
    createMemslot(bench.agent, bench.vm, slotOf({ baseGfn: 2, hvn: 2, npages: 8 }));
    for (const gfn of [2, 5, 9]) bench.guests[0].write(gfn, gfn);
    expect([2, 5, 9].map((gfn) => lastSpte(bench, gfn).level)).toEqual([1, 2, 1]);
    expect([2, 5, 9].map((gfn) => bench.guests[1].read(gfn))).toEqual([2, 5, 9]);
  });
});

describe('a fault that comes late', () => {
  it('is spurious when another has mapped the huge page', () => {
    const bench = huge({ faultPath: 'slow' });
    faultAndLeave(bench, 1);
    expect(faultAndLeave(bench, 2)).toEqual({ ret: RET_PF_SPURIOUS, fast: false });
  });

  it('is spurious when another maps it while this one asks the host', () => {
    const bench = huge();
    const { vm } = bench;
    const other = () => bench.guests[1].write(2, 5);
    const mem = before(
      bench.mems[0] as Shared,
      { verb: 'readLock', address: vm.at.mmu_lock },
      other,
    );
    expect(faultAndLeave(bench, 1, { mem }).ret).toBe(RET_PF_SPURIOUS);
  });

  it('is sent back from an entry that somebody owns', () => {
    const bench = huge();
    const { sptep } = lastSpte(bench, 0);
    bench.agent.store64(sptep, FROZEN_SPTE.low, FROZEN_SPTE.high);
    expect(faultAndLeave(bench, 1).ret).toBe(RET_PF_RETRY);
    expect(bench.agent.load64(sptep)).toBe(FROZEN_SPTE.low);
  });

  it('is sent back when the entry changes under its exchange', () => {
    const bench = huge();
    const { sptep } = lastSpte(bench, 0);
    const mem = before(bench.mems[0] as Shared, { verb: 'cmpxchg64', address: sptep }, () =>
      bench.agent.store64(sptep, FROZEN_SPTE.low, FROZEN_SPTE.high),
    );
    expect(faultAndLeave(bench, 1, { mem }).ret).toBe(RET_PF_RETRY);
  });

  it.each([
    ['the same', 1],
    ['another', 3],
  ])('is sent back when the host splits the huge page for %s page of it', (_, hvn) => {
    const bench = huge();
    const { agent, vm } = bench;
    const mem = before(bench.mems[0] as Shared, { verb: 'readLock', address: vm.at.mmu_lock }, () =>
      writeProtectHostPage(agent, vm, hvnOf(hvn)),
    );
    expect(faultAndLeave(bench, 1, { mem }).ret).toBe(RET_PF_RETRY);
    expect(isShadowPresent(lastSpte(bench, 1).low)).toBe(false);
  });

  it('does not split what another has mapped large since the host was asked', () => {
    const bench = huge();
    const { agent, vm } = bench;
    faultAndLeave(bench, 0);
    // What a fault reads of page 1 while the host is still filling its entries in.
    const ptep = hostPtep(vm, hvnOf(1));
    const pte = agent.load32(ptep);
    agent.store32(ptep, pte & ~HOST_PTE_HUGE);
    const { low, high, sptep } = lastSpte(bench, 1);
    agent.store64(sptep, 0, 1 << 31);
    const mem = before(
      bench.mems[0] as Shared,
      { verb: 'readLock', address: vm.at.mmu_lock },
      () => {
        agent.store32(ptep, pte);
        agent.store64(sptep, low, high);
      },
    );
    expect(faultAndLeave(bench, 1, { mem }).ret).toBe(RET_PF_RETRY);
    expect(levels(bench)).toEqual([2, 2, 2, 2]);
    expect(bench.guests[0].write(1, 5)).toBe(true);
  });
});

describe.each(['slow', 'merged', 'current'] as FaultPath[])(
  'a write to a large leaf of a logged slot, path %s',
  (faultPath) => {
    it('splits it, opens the one page and marks it', () => {
      const bench = lateSplit({ faultPath });
      bench.guests[1].write(2, 9);
      expect(levels(bench)).toEqual([1, 1, 1, 1]);
      expect([0, 1, 2, 3].map((gfn) => flagsOf(bench, gfn))).toEqual(['e65', 'e65', 'e67', 'e65']);
      expect(dirty(bench)).toEqual([2]);
      expect([0, 1, 2, 3].map((gfn) => bench.guests[0].read(gfn))).toEqual([1, 2, 9, 4]);
    });

    it('is not ended by the fast path', () => {
      expect(faultAndLeave(lateSplit({ faultPath }), 2)).toEqual({
        ret: RET_PF_FIXED,
        fast: false,
      });
    });

    it('is found by the next harvest, as the one after it', () => {
      const bench = lateSplit({ faultPath });
      for (const gfn of [2, 3]) {
        bench.guests[1].write(gfn, 9);
        expect(getDirtyLog(bench.agent, bench.vm, 0)).toBe(1);
      }
      expect(dirty(bench)).toEqual([]);
      expect(illegalSptes(bench)).toEqual([]);
    });

    it('opens all of it when the slot is logged no more', () => {
      const bench = lateSplit({ faultPath });
      logOff(bench);
      bench.guests[1].write(2, 9);
      expect(levels(bench)).toEqual([2, 2, 2, 2]);
      expect(isWritable(lastSpte(bench, 0).low)).toBe(true);
      expect(dirty(bench)).toEqual([]);
    });
  },
);

describe('a read of a large leaf of a logged slot', () => {
  it('needs no fault', () => {
    const bench = lateSplit();
    const { stat } = bench.guests[1].vcpu;
    expect(bench.guests[1].read(2)).toBe(3);
    expect([stat.pf_taken, ...levels(bench)]).toEqual([0, 2, 2, 2, 2]);
  });
});

describe('a harvest over a large leaf', () => {
  it('finds nothing and leaves it', () => {
    const bench = lateSplit();
    const leaf = lastSpte(bench, 0);
    expect(getDirtyLog(bench.agent, bench.vm, 0)).toBe(0);
    expect(lastSpte(bench, 0)).toEqual(leaf);
  });
});

describe('a split in a fault', () => {
  it('says so, of the first gfn, once it has asked for the frame of its own', () => {
    const bench = lateSplit();
    const { low, high } = lastSpte(bench, 0);
    const mem = bench.mems[0] as (typeof bench.mems)[0];
    const events = eventsOf(mem, () => faultAndLeave(bench, 2));
    expect(events).toContainEqual({
      event: 'kvm_mmu_split_huge_page',
      gfn: 0,
      spte: { low, high },
      level: 2,
      errno: 0,
    });
    expect(events.map(({ event }) => event).slice(-5)).toEqual([
      'kvm_mmu_spte_requested',
      'kvm_tdp_mmu_spte_changed',
      'kvm_mmu_split_huge_page',
      'kvm_tdp_mmu_spte_changed',
      'kvm_mmu_set_spte',
    ]);
  });

  it('is given up when a notifier was first', () => {
    const bench = lateSplit();
    const { sptep } = lastSpte(bench, 0);
    const left = framesLeft(bench);
    const mem = before(bench.mems[0] as Shared, { verb: 'cmpxchg64', address: sptep }, () =>
      bench.agent.store64(sptep, 0, 1 << 31),
    );
    expect(faultAndLeave(bench, 2, { mem }).ret).toBe(RET_PF_RETRY);
    expect(framesLeft(bench)).toBe(left);
  });

  it('that finds no frame leaves no lock behind', () => {
    const bench = lateSplit();
    const mem = before(bench.mems[0] as Shared, { verb: 'alloc' }, () => {
      throw new RangeError('expected a free frame, got none');
    });
    expect(() => faultAndLeave(bench, 2, { mem })).toThrow(RangeError);
    expect(bench.agent.load32(bench.vm.at.mmu_lock)).toBe(0);
    expect(
      bench.agent.load32(bench.vm.at.page_refcount + hostPtePfn(hostPteOf(bench, 2)) * 4),
    ).toBe(1);
  });
});

describe.each(['shared', 'exclusive'] as FaultLock[])(
  'a large leaf in the place of a table, lock %s',
  (faultLock) => {
    it('takes its place, and its frame comes back', () => {
      const bench = collapsed({ faultLock });
      const left = framesLeft(bench);
      expect(faultAndLeave(bench, 1)).toEqual({ ret: RET_PF_FIXED, fast: false });
      expect(levels(bench)).toEqual([2, 2, 2, 2]);
      expect(framesLeft(bench)).toBe(left + 1);
      expect(findDamage(bench.agent, bench.agent.memory.map)).toBeUndefined();
    });

    it('is seen by the guest with what is in it', () => {
      const bench = collapsed({ faultLock });
      expect([0, 1, 2, 3].map((gfn) => bench.guests[0].read(gfn))).toEqual([1, 2, 3, 4]);
      expect(bench.guests[0].vcpu.fault.removed).toEqual([]);
    });

    it('flushes every vCPU under the lock, itself outside', () => {
      const bench = collapsed({ faultLock });
      const { vm } = bench;
      const seen: unknown[] = [];
      const mem = before(bench.mems[0] as Shared, { verb: 'free' }, () => {
        seen.push(bench.agent.load32(vm.at.mmu_lock));
      });
      faultAndLeave(bench, 1, { mem });
      expect(seen).toEqual([0]);
      const { stat } = bench.guests[1].vcpu;
      const flushes = stat.tlb_flush;
      bench.guests[1].read(3);
      expect(stat.tlb_flush).toBe(flushes + 1);
    });

    it('leaves nothing in the table through which a fault could map', () => {
      const bench = collapsed({ faultLock });
      const { agent } = bench;
      const old = lastSpte(bench, 0).sptep;
      const seen: number[] = [];
      const mem = before(bench.mems[0] as Shared, { verb: 'synchronize' }, () => {
        for (let gfn = 0; gfn < 4; gfn++) seen.push(agent.load64(old + gfn * 8));
      });
      faultAndLeave(bench, 1, { mem });
      expect(seen).toEqual(Array(4).fill(FROZEN_SPTE.low));
    });
  },
);

describe('an invalidation of a part of a large leaf', () => {
  it('takes the whole', () => {
    const bench = huge();
    const { agent, vm } = bench;
    bench.guests[0].write(1, 1);
    invalidateRangeStart(agent, vm, hvnOf(2), 1);
    expect(isShadowPresent(lastSpte(bench, 0).low)).toBe(false);
    invalidateRangeEnd(agent, vm, hvnOf(2), 1);
    expect(bench.guests[0].read(1)).toBe(1);
  });
});

describe('a memslot with large leaves that is deleted', () => {
  it('leaves nothing mapped', () => {
    const bench = huge();
    for (const gfn of [0, 4, 8]) bench.guests[0].write(gfn, 1);
    deleteMemslot(bench.agent, bench.vm, 0);
    for (let gfn = 0; gfn < 16; gfn++) {
      expect(isShadowPresent(lastSpte(bench, gfn).low), `gfn ${gfn}`).toBe(false);
    }
    expect(bench.guests[0].read(0)).toBe(-1);
  });

  it('can come back elsewhere', () => {
    const bench = huge();
    bench.guests[0].write(1, 5);
    deleteMemslot(bench.agent, bench.vm, 0);
    createMemslot(bench.agent, bench.vm, slotOf({ baseGfn: 8, npages: 4 }));
    expect(bench.guests[1].read(9)).toBe(5);
    expect(lastSpte(bench, 9)).toMatchObject({ level: 2 });
  });
});
