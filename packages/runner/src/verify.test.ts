import {
  createMemslot,
  deleteMemslot,
  forEachSpte,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  pageBase,
  validRoot,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { GFN, hostPteOf, type OneThread, oneThread, wordAt } from '../test/fixture.ts';
import { verify } from './verify.ts';

const PAGES = 16;
const W = 1 << 1;
const HOST_WRITABLE = 1 << 9;
const MMU_WRITABLE = 1 << 10;

function written(): OneThread {
  const bench = oneThread(PAGES);
  for (let page = 0; page < 4; page++) bench.write(page, page + 1);
  return bench;
}

/** Where the leaf of page `page` lives: the test's own walk, by the KVM layout. */
function leafOf({ mem, vm }: OneThread, page: number): number {
  let table: number = validRoot(mem, vm);
  for (let level = 4; level > 1; level--) {
    const low = mem.load64(table + indexAt(page, level) * 8);
    table = vm.tablesAt + (low >>> 12) * 4096;
  }
  return table + indexAt(page, 1) * 8;
}

const indexAt = (page: number, level: number): number =>
  Math.floor((GFN + page) / 512 ** (level - 1)) % 512;

function changeLeaf(bench: OneThread, page: number, change: (low: number) => number): void {
  const sptep = leafOf(bench, page);
  const low = bench.mem.load64(sptep);
  const { high } = bench.mem;
  bench.mem.store64(sptep, change(low), high);
}

describe('a machine of which all is well', () => {
  it('has every word of its memory compared', () => {
    expect(verify(written().machine).words).toBe(PAGES * 1024);
  });

  it('has nothing wrong', () => {
    expect(verify(written().machine)).toMatchObject({
      wrongWords: 0,
      wrongSptes: 0,
      damagedFrame: false,
    });
  });

  it('has leaves to be judged, where this test looks for them', () => {
    const bench = written();
    const leaves: number[] = [];
    forEachSpte(bench.mem, bench.vm, ({ low }, level) => {
      if (level === 1) leaves.push(low);
    });
    expect(leaves).toEqual([0, 1, 2, 3].map((page) => bench.mem.load64(leafOf(bench, page))));
  });
});

describe('a word that is not what was written', () => {
  it("is found when memory changed behind the guest's back", () => {
    const bench = written();
    bench.mem.guestStore(pageBase(bench.vm, hostPtePfn(hostPteOf(bench, 2))) + 9, 1);
    expect(verify(bench.machine).wrongWords).toBe(1);
  });

  it('is found when a write of the guest went nowhere', () => {
    const { machine } = written();
    machine.ledger[wordAt(2, 9)] = 1;
    expect(verify(machine).wrongWords).toBe(1);
  });

  it('is found in a page that the host never backed', () => {
    const { machine } = written();
    machine.ledger[wordAt(PAGES - 1, 1023)] = 1;
    expect(verify(machine).wrongWords).toBe(1);
  });

  it('is found in each word of two pages that were swapped', () => {
    const bench = written();
    const { mem, vm } = bench;
    const [zero, one] = [hostPteOf(bench, 0), hostPteOf(bench, 1)];
    mem.store32(hostPtep(vm, 0 as never), one);
    mem.store32(hostPtep(vm, 1 as never), zero);
    expect(verify(bench.machine)).toMatchObject({ wrongWords: 2, wrongSptes: 2 });
  });
});

describe('an spte', () => {
  it('that lets stores through to a page that the host protects is wrong', () => {
    const bench = written();
    const ptep = hostPtep(bench.vm, 2 as never);
    bench.mem.and32(ptep, ~HOST_PTE_WRITABLE); // with no notifier
    expect(verify(bench.machine).wrongSptes).toBe(1);
  });

  it('that only lets loads through to such a page is fine', () => {
    const bench = written();
    bench.mem.and32(hostPtep(bench.vm, 2 as never), ~HOST_PTE_WRITABLE);
    changeLeaf(bench, 2, (low) => low & ~(W | MMU_WRITABLE | HOST_WRITABLE));
    expect(verify(bench.machine).wrongSptes).toBe(0);
  });

  it("that maps another page than the host's is wrong", () => {
    const bench = written();
    changeLeaf(bench, 2, (low) => low + (1 << 12));
    expect(verify(bench.machine).wrongSptes).toBe(1);
  });

  it('that outlived its memslot is wrong', () => {
    const bench = oneThread(PAGES);
    bench.write(0, 1);
    const leaf = leafOf(bench, 0);
    const { mem, vm } = bench;
    deleteMemslot(mem, vm, 0);
    createMemslot(mem, vm, { ...SLOT, baseGfn: (GFN + 1) as never });
    bench.write(1, 1); // builds the tables again
    const stale = leafOf(bench, 0);
    mem.store64(stale, 0xe67, 0);
    expect([stale - leafOf(bench, 1), verify(bench.machine).wrongSptes]).toEqual([-8, 1]);
    expect(leaf).toBeGreaterThan(0);
  });

  it('under a root that was given up is wrong', () => {
    const bench = written();
    bench.mem.store32(bench.vm.at.mmu_valid_gen, 1); // and nothing was zapped
    expect(verify(bench.machine).wrongSptes).toBe(3 + 4);
  });

  it('with W and without MMU_WRITABLE is wrong', () => {
    const bench = written();
    changeLeaf(bench, 2, (low) => low & ~MMU_WRITABLE);
    expect(verify(bench.machine).wrongSptes).toBe(1);
  });

  it('with MMU_WRITABLE and without HOST_WRITABLE is wrong', () => {
    const bench = written();
    changeLeaf(bench, 2, (low) => low & ~(HOST_WRITABLE | W));
    expect(verify(bench.machine).wrongSptes).toBe(1);
  });
});

const SLOT = { id: 0, npages: PAGES - 1, hvn: 1 as never, flags: 0 };

describe('a free page-table frame', () => {
  it('that was written to is found', () => {
    const { machine, mem } = written();
    const { framesAt, frames, frameBytes } = machine.memory.map;
    mem.store64(framesAt + (frames - 1) * frameBytes + 4088, 0, 0);
    expect(verify(machine).damagedFrame).toBe(true);
  });

  it('that was freed with its memslot and written to is found', () => {
    const bench = oneThread(1024); // its slot has all the pages of one table
    const page = 512 - GFN;
    bench.write(page, 1);
    const leaf = leafOf(bench, page);
    deleteMemslot(bench.mem, bench.vm, 0);
    bench.mem.disconnect();
    expect(verify(bench.machine).damagedFrame).toBe(false);
    bench.mem.store64(leaf, 0xe67, 0);
    expect(verify(bench.machine).damagedFrame).toBe(true);
  });
});
