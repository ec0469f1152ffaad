import { findDamage, modeAddress, requestsAddress, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  faultAndLeave,
  faultLock,
  flagsOf,
  gfnOf,
  hvnOf,
  itOfTdp,
  lastSpte,
  makeBench,
  makeBenchWithSlot,
  operationsOf,
  slotOf,
  usedMmu,
} from '../../test/fixture.ts';
import type { Spte } from '../event.ts';
import { MMIO_TABLES } from '../fault/fault.ts';
import { RET_PF_RETRY } from '../fault/ret-pf.ts';
import { hostPtePfn, hostPtep } from '../host/host-pte.ts';
import { invalidateRangeEnd, invalidateRangeStart } from '../host/mmu-notifier.ts';
import { clearPageFlags, PG_DIRTY, pageFlags } from '../host/page-flags.ts';
import { MMIO_SPTE_GEN_MASK, makeMmioSpte } from '../spte/mmio-spte.ts';
import { FROZEN_SPTE, isMmioSpte, isShadowPresent, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { setSpteAtomic } from '../spte/update-spte.ts';
import { invalidRoot, validRoot } from './roots.ts';
import { createMemslot, deleteMemslot } from './set-memory-region.ts';
import { forEachSpte } from './tdp-iter.ts';
import { IN_GUEST_MODE, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS } from './vcpu-mode.ts';
import { zapAllFast } from './zap-all-fast.ts';
import { zapAll as zapRoots } from './zap-root.ts';

const zapAll = ({ agent, vm }: Bench, mem: Shared = agent): void => zapAllFast(mem, vm);
/** Whose leaf a guest's store has made. */
const GFN = 3;
const DEVICE = 9;
const written = (options = {}): Bench => {
  const bench = makeBenchWithSlot(0, options);
  bench.guests[0].write(GFN, 7);
  return bench;
};
const sixteenTables = (): Bench => {
  const geometry = { levels: 2, indexBits: 4 };
  const bench = makeBench({ geometry, hostPages: 256, pageFrames: 256 });
  createMemslot(bench.agent, bench.vm, slotOf({ npages: 256 }));
  for (let gfn = 0; gfn < 256; gfn += 16) bench.guests[0].write(gfn, 1);
  return bench;
};
const countPresent = (bench: Bench, root: (mem: Shared, vm: Bench['vm']) => number): number => {
  let present = 0;
  forEachSpte(bench.agent, bench.vm, () => present++, root(bench.agent, bench.vm));
  return present;
};
const flagsOfPage = ({ agent, vm }: Bench, hvn: number): number =>
  pageFlags(agent, vm, hostPtePfn(agent.load32(hostPtep(vm, hvnOf(hvn)))));

describe('a page table that is given up', () => {
  it('is replaced by an empty one', () => {
    const bench = written();
    zapAll(bench);
    expect(countPresent(bench, validRoot)).toBe(0);
  });

  it('is empty itself when all is done', () => {
    const bench = written();
    zapAll(bench);
    expect(countPresent(bench, invalidRoot)).toBe(0);
  });

  it('keeps no MMIO spte, be it in the root itself', () => {
    const bench = makeBench({ geometry: { levels: 1, indexBits: 4 } });
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 8 }));
    for (const gfn of [GFN, DEVICE]) bench.guests[0].write(gfn, 1);
    for (let round = 0; round < 2; round++) zapAll(bench);
    expect([flagsOf(bench, GFN), flagsOf(bench, DEVICE)]).toEqual(['0', '0']);
  });

  it('leaves the guest its memory', () => {
    const bench = written();
    zapAll(bench);
    expect(bench.guests.map((guest) => guest.read(GFN))).toEqual([7, 7]);
  });

  it('can be given up again, and again', () => {
    const bench = written();
    for (let round = 0; round < 5; round++) {
      zapAll(bench);
      bench.guests[round & 1]?.write(GFN, round);
    }
    expect([bench.guests[0].read(GFN), countPresent(bench, invalidRoot)]).toEqual([4, 0]);
  });

  it('tells the host of the pages that were written', () => {
    const bench = written();
    zapAll(bench);
    expect(flagsOfPage(bench, GFN) & PG_DIRTY).toBe(PG_DIRTY);
  });

  it('gives back every table but the roots, and is written to no more', () => {
    const bench = makeBench({ geometry: { levels: 4, indexBits: 1 }, tableFrames: 80 });
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 16 }));
    for (let round = 0; round < 20; round++) {
      for (let gfn = 0; gfn < 16; gfn++) bench.guests[gfn & 1]?.write(gfn, gfn);
      zapAll(bench);
    }
    for (const mem of bench.mems) mem.disconnect();
    expect(findDamage(bench.agent, bench.agent.memory.map)).toBeUndefined();
  });

  it('lets others have mmu_lock between two of its tables', () => {
    const bench = sixteenTables();
    const unlocks = operationsOf(bench.agent, (mem) => zapAll(bench, mem)).filter(({ verb }) =>
      /Unlock$/.test(verb),
    );
    // After each of sixteen, or after ten; and at the ends.
    expect(unlocks.length).toBe(usedMmu() === 'tdp' ? 18 : 2);
  });

  it('is told of before, as KVM tells it', () => {
    const bench = written();
    const events = () => eventsOf(bench.agent, () => zapAll(bench));
    const mmu_used_pages = usedMmu() === 'tdp' ? 0 : 2;
    expect(events()[0]).toEqual({
      event: 'kvm_mmu_zap_all_fast',
      mmu_valid_gen: 0,
      mmu_used_pages,
    });
    expect(events()[0]).toMatchObject({ mmu_valid_gen: 1 });
  });

  it('counts its root among the pages in use while a vCPU has not given it up', () => {
    const bench = written({ mmu: 'legacy', faultLock: 'exclusive' });
    const usedPages = (...vcpus: (0 | 1)[]) => {
      zapAll(bench);
      for (const vcpu of vcpus) bench.guests[vcpu].write(GFN, 1);
      return eventsOf(bench.agent, () => zapAll(bench))[0];
    };
    expect(usedPages(0, 1)).toMatchObject({ mmu_used_pages: 2 });
    expect(usedPages(0)).toMatchObject({ mmu_used_pages: 3 });
  });

  itOfTdp(
    'tells of each leaf, of the entry above when its table is empty, and of the table',
    () => {
      const bench = written();
      const [, leaf, above, ...removed] = eventsOf(bench.agent, () => zapAll(bench));
      expect([leaf, above]).toMatchObject([
        { event: 'kvm_tdp_mmu_spte_changed', gfn: GFN, level: 1, new_spte: SHADOW_NONPRESENT },
        { event: 'kvm_tdp_mmu_spte_changed', gfn: 0, level: 2, new_spte: SHADOW_NONPRESENT },
      ]);
      const entries = 1 << bench.vm.geometry.indexBits;
      expect(removed).toMatchObject(
        Array.from({ length: entries }, (_, gfn) => ({ gfn, level: 1, new_spte: FROZEN_SPTE })),
      );
    },
  );
});

describe('a page table that is given up and zapped by the gigabyte', () => {
  const byTheGigabyte = (levels: number): Bench =>
    written({ zapGranularity: '1G', geometry: { levels, indexBits: 1 }, hostPages: 8 });
  const changesOf = (bench: Bench, act: () => void) =>
    eventsOf(bench.agent, act).flatMap((event) =>
      event.event === 'kvm_tdp_mmu_spte_changed' ? [event] : [],
    );
  const isPresent = ({ old_spte }: { readonly old_spte: Spte }): boolean =>
    isShadowPresent(old_spte.low);

  itOfTdp('tells of its tables of 1G first, and of what was below as frozen', () => {
    const bench = byTheGigabyte(4);
    const changes = changesOf(bench, () => zapAll(bench));
    expect(changes.filter(isPresent)).toMatchObject([
      { level: 3, new_spte: SHADOW_NONPRESENT },
      { level: 2, new_spte: FROZEN_SPTE },
      { level: 1, gfn: GFN, new_spte: FROZEN_SPTE },
      { level: 4, new_spte: SHADOW_NONPRESENT },
    ]);
    // Of each table there are two entries.
    expect(changes).toHaveLength(2 + 3 * 2);
  });

  itOfTdp('tells of nothing that maps nothing when the VM goes', () => {
    const bench = byTheGigabyte(4);
    const changes = changesOf(bench, () => zapRoots(bench.agent, bench.vm));
    expect(changes.map(isPresent)).toEqual([true, true, true, true]);
  });

  itOfTdp('tells the host of the pages that were written', () => {
    const bench = byTheGigabyte(4);
    zapAll(bench);
    expect(flagsOfPage(bench, GFN) & PG_DIRTY).toBe(PG_DIRTY);
  });

  itOfTdp('gives back every table but the roots, whoever listens', () => {
    const bench = byTheGigabyte(4);
    const listeners = [undefined, () => {}];
    for (const emit of [...listeners, ...listeners]) {
      bench.agent.emit = emit;
      for (let gfn = 0; gfn < 8; gfn++) bench.guests[gfn & 1]?.write(gfn, gfn);
      zapAll(bench);
    }
    for (const mem of bench.mems) mem.disconnect();
    expect(findDamage(bench.agent, bench.agent.memory.map)).toBeUndefined();
  });
});

describe('the vCPUs of a page table that is given up', () => {
  it('are asked once the other root is valid, and under the same lock', () => {
    const bench = written();
    const operations = operationsOf(bench.agent, (mem) => zapAll(bench, mem));
    const at = (address: number, verb: string) =>
      operations.findIndex((one) => one.address === address && one.verb === verb);
    const { mmu_lock, mmu_valid_gen } = bench.vm.at;
    const order = [
      at(mmu_lock, 'writeLock'),
      at(mmu_valid_gen, 'store32'),
      at(requestsAddress(0), 'or32'),
      at(modeAddress(1), 'load32'),
      at(mmu_lock, 'writeUnlock'),
    ];
    expect([order.includes(-1), order]).toEqual([false, order.toSorted((a, b) => a - b)]);
  });

  it('are waited for while they are in the guest', () => {
    const bench = written();
    bench.agent.store32(modeAddress(1), 4 | IN_GUEST_MODE);
    expect(() => zapAll(bench)).toThrow('nobody is left to change word');
  });

  it('are flushed by nobody: they flush themselves', () => {
    const bench = written();
    const operations = operationsOf(bench.agent, (mem) => zapAll(bench, mem));
    const asked = operations.filter(
      ({ verb, address }) => verb === 'or32' && address === requestsAddress(0),
    );
    expect(asked.map(({ args }) => args[0])).toEqual([KVM_REQ_MMU_FREE_OBSOLETE_ROOTS]);
  });

  it('forget what they had translated by it, and tell who has copies', () => {
    const bench = written();
    const [{ vcpu }] = bench.guests;
    let told = 0;
    vcpu.onFlush = () => told++;
    zapAll(bench);
    bench.guests[0].read(DEVICE);
    expect([told, vcpu.tlb.includes(GFN)]).toEqual([1, false]);
  });

  it('may add as many tables for MMIO sptes as before', () => {
    const bench = written();
    const { mmio } = bench.guests[0].vcpu.fault;
    mmio.tablesLeft = 0;
    zapAll(bench);
    bench.guests[0].read(GFN);
    expect(mmio.tablesLeft).toBe(MMIO_TABLES);
  });

  it('are sent back with a fault that has the host page before, and the lock after', () => {
    const bench = makeBenchWithSlot();
    const mem = before(bench.mems[0] as Shared, { verb: faultLock() }, () => zapAll(bench));
    expect(faultAndLeave(bench, GFN, { mem }).ret).toBe(RET_PF_RETRY);
    expect([countPresent(bench, validRoot), countPresent(bench, invalidRoot)]).toEqual([0, 0]);
  });

  it('are sent back with one that finds no memory too', () => {
    const bench = makeBench();
    const mem = before(bench.mems[0] as Shared, { verb: faultLock() }, () => zapAll(bench));
    expect(faultAndLeave(bench, DEVICE, { mem }).ret).toBe(RET_PF_RETRY);
  });

  itOfTdp('go on in the new one before the old one is zapped', () => {
    const bench = written();
    const mem = before(bench.agent, { verb: 'readLock' }, () => {
      bench.guests[1].write(GFN, 8);
    });
    zapAll(bench, mem);
    expect([bench.guests[0].read(GFN), flagsOf(bench, GFN)]).toEqual([8, 'e67']);
  });
});

describe('a notifier while a page table that was given up is zapped', () => {
  itOfTdp('takes the page from that one too, and learns that it was written', () => {
    const bench = written();
    const pfn = hostPtePfn(bench.agent.load32(hostPtep(bench.vm, hvnOf(GFN))));
    const other = bench.mems[3] as Shared;
    let flags = 0;
    const mem = before(bench.agent, { verb: 'readLock' }, () => {
      clearPageFlags(other, bench.vm, pfn);
      invalidateRangeStart(other, bench.vm, hvnOf(GFN), 1);
      flags = pageFlags(other, bench.vm, pfn);
      invalidateRangeEnd(other, bench.vm, hvnOf(GFN), 1);
    });
    zapAll(bench, mem);
    expect(flags & PG_DIRTY).toBe(PG_DIRTY);
  });

  it('comes between two of its tables, and finds the page in what is left', () => {
    const bench = sixteenTables();
    const last = hvnOf(240);
    const pfn = hostPtePfn(bench.agent.load32(hostPtep(bench.vm, last)));
    const other = bench.mems[3] as Shared;
    const flags: number[] = [];
    const mem = before(bench.agent, { verb: faultLock(), skip: 1 }, () => {
      flags.push(pageFlags(other, bench.vm, pfn) & PG_DIRTY);
      invalidateRangeStart(other, bench.vm, last, 1);
      flags.push(pageFlags(other, bench.vm, pfn) & PG_DIRTY);
      invalidateRangeEnd(other, bench.vm, last, 1);
    });
    clearPageFlags(bench.agent, bench.vm, pfn);
    zapAll(bench, mem);
    expect([flags, countPresent(bench, invalidRoot)]).toEqual([[0, PG_DIRTY], 0]);
  });
});

describe('the deletion of a memslot', () => {
  const beside = (slotZapAll: boolean): Bench => {
    const bench = makeBench({ slotZapAll });
    createMemslot(bench.agent, bench.vm, slotOf({ id: 0, npages: 4 }));
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 8, npages: 4, hvn: 8 }));
    for (const gfn of [1, 8]) bench.guests[0].write(gfn, gfn);
    deleteMemslot(bench.agent, bench.vm, 0);
    return bench;
  };

  it('takes all that is mapped, as KVM does by default', () => {
    expect(flagsOf(beside(true), 8)).toBe('0');
  });

  it('leaves the memory of other slots what it was', () => {
    expect(beside(true).guests.map((guest) => guest.read(8))).toEqual([8, 8]);
  });

  it('takes what its slot maps, and no more, where KVM_X86_QUIRK_SLOT_ZAP_ALL is off', () => {
    expect(flagsOf(beside(false), 8)).toBe('e67');
  });
});

describe('the first generation of a round', () => {
  const LAST = MMIO_SPTE_GEN_MASK << 1;
  const isMarked = (bench: Bench, gfn = DEVICE): boolean => {
    const { low, high } = lastSpte(bench, gfn);
    return isMmioSpte(low, high);
  };
  /** Gfns 0 to 7 are memory, the rest is not; gfns 1, 9 and 13 have been accessed. */
  function touched(): Bench {
    const bench = makeBench({ slotZapAll: false });
    createMemslot(bench.agent, bench.vm, slotOf({ npages: 8 }));
    for (const gfn of [1, DEVICE, 13]) bench.guests[0].write(gfn, 1);
    return bench;
  }
  /** The slots are replaced, in generation `last`. */
  function replace(bench: Bench, last: number): void {
    bench.agent.store32(bench.vm.at.memslots, last << 1);
    createMemslot(bench.agent, bench.vm, slotOf({ id: 1, baseGfn: 12, hvn: 8 }));
  }

  it('comes after generation 2^19 - 1, and finds no MMIO spte of another', () => {
    const bench = touched();
    replace(bench, MMIO_SPTE_GEN_MASK);
    expect([isMarked(bench), bench.agent.load32(bench.vm.at.memslots)]).toEqual([false, LAST + 2]);
  });

  it('zaps all before anybody can know it', () => {
    const bench = touched();
    let during = 0;
    bench.agent.store32(bench.vm.at.memslots, LAST);
    const { vm } = bench;
    const mem = before(bench.agent, { verb: 'store32', address: vm.at.mmu_valid_gen }, () => {
      during = bench.agent.load32(vm.at.memslots);
    });
    createMemslot(mem, vm, slotOf({ id: 1, baseGfn: 12, hvn: 8 }));
    expect(during).toBe(LAST | 1);
  });

  it('takes no MMIO spte of the round before for its own', () => {
    const bench = makeBench();
    bench.guests[0].read(12);
    const { sptep, low, high } = lastSpte(bench, 12);
    const ofZero = makeMmioSpte(0, gfnOf(12));
    const entry = { sptep: sptep as never, gfn: gfnOf(12), level: 1 };
    setSpteAtomic(bench.agent, entry, { low, high }, ofZero);
    replace(bench, MMIO_SPTE_GEN_MASK);
    expect(bench.guests[0].write(12, 7)).toBe(true);
  });

  it('leaves none behind that would count again at the end of the round', () => {
    const bench = touched();
    const { vm } = bench;
    const END = 2 * MMIO_SPTE_GEN_MASK + 1;
    bench.agent.store32(vm.at.memslots, LAST);
    const mem = before(bench.agent, { verb: 'store32', address: vm.at.memslots, skip: 1 }, () => {
      bench.guests[0].read(14);
    });
    createMemslot(mem, vm, slotOf({ id: 1, baseGfn: 12, npages: 1, hvn: 8 }));
    bench.agent.store32(vm.at.memslots, (END - 1) << 1);
    createMemslot(bench.agent, vm, slotOf({ id: 2, baseGfn: 14, npages: 1, hvn: 9 }));
    expect(bench.guests[0].write(14, 7)).toBe(true);
  });

  it.each([1, 2, MMIO_SPTE_GEN_MASK - 1])('and no other (%i) zaps anything', (last) => {
    const bench = touched();
    replace(bench, last);
    expect([isMarked(bench), flagsOf(bench, 1)]).toEqual([true, 'e67']);
  });
});
