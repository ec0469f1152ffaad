import {
  dropPages,
  type Gfn,
  getDirtyLog,
  type Hvn,
  hostPtePfn,
  makeKsmPage,
  markPageDirty,
  mergeWithKsmPage,
  pageBase,
  readMemslots,
  setMemslotFlags,
  writeProtectHostPage,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { beforeLoad, GFN, hostPteOf, type OneThread, oneThread, wordAt } from '../test/fixture.ts';
import { createPages } from './machine.ts';
import { countDifferences, Migration, migrate } from './migration.ts';

const PAGES = 40;
const now = (): number => 0;

interface Setting extends OneThread {
  readonly destination: Int32Array;
  readonly migration: Migration;
}

/** A guest that has written pages 0 to 9, and a migration that has not begun. */
function written(): Setting {
  const bench = oneThread(PAGES);
  for (let page = 0; page < 10; page++) bench.write(page, page + 1, page);
  const destination = createPages(PAGES);
  return {
    ...bench,
    destination,
    migration: new Migration(bench.mem, bench.vm, [bench.region], destination),
  };
}

describe('a migration', () => {
  it('sends every page that there is, first', () => {
    expect(written().migration.sendAll()).toBe(10);
  });

  it('sends what was written since, after that', () => {
    const { migration, write } = written();
    migration.sendAll();
    migration.sendDirty();
    write(3, 33);
    write(20, 1);
    expect(migration.sendDirty()).toBe(2);
  });

  it('sends a page once a round, however often it was written', () => {
    const { migration, write } = written();
    migration.sendAll();
    migration.sendDirty();
    for (let word = 0; word < 50; word++) write(3, word, word);
    expect(migration.sendDirty()).toBe(1);
  });

  it('sends zeros for a page that the host has dropped since', () => {
    const { migration, mem, vm, destination } = written();
    migration.sendAll();
    dropPages(mem, vm, 3 as Hvn, 1);
    markPageDirty(mem, vm, readMemslots(mem, vm, mem.load32(vm.at.memslots))[0], (GFN + 3) as Gfn);
    const { differences } = migration.finish(now);
    expect([differences, destination[wordAt(3, 3)]]).toEqual([0, 0]);
  });

  it('sends what others have harvested meanwhile', () => {
    const { migration, mem, vm, write } = written();
    migration.sendAll();
    migration.sendDirty();
    write(3, 33);
    getDirtyLog(mem, vm, 0);
    expect(migration.sendHarvested()).toBe(1);
  });

  it('is told which rounds it had', () => {
    const { migration, write } = written();
    migration.sendAll();
    write(11, 1);
    migration.sendDirty();
    write(12, 1);
    expect(migration.finish(now).rounds).toEqual([10, 11, 1]);
  });

  it('ends with both memories equal', () => {
    const { migration, machine, destination, write } = written();
    migration.sendAll();
    write(3, 33);
    expect(migration.finish(now).differences).toBe(0);
    expect(destination).toEqual(machine.ledger);
  });

  it('lets the source run on', () => {
    const { migration, write, read } = written();
    migration.sendAll();
    migration.finish(now);
    write(3, 44);
    expect(read(3)).toBe(44);
  });

  it('counts the time from the pause to the last page as downtime', () => {
    const { migration } = written();
    migration.sendAll();
    let clock = 0;
    expect(migration.finish(() => clock++ * 25).downtimeMs).toBe(25);
  });
});

describe('a migration from start to end', () => {
  const run = (
    { mem, vm, region, destination }: Setting,
    downtimeMs: number,
    maxRounds: number,
  ) => {
    let clock = 0;
    return migrate(mem, vm, [region], destination, { downtimeMs, maxRounds, now: () => clock++ });
  };

  it('stops the guest at once if the first round fits in the downtime', () => {
    expect(run(written(), 1000, 30).rounds).toEqual([10, 10]);
  });

  it('takes further rounds until what is left fits', () => {
    expect(run(written(), 0, 30).rounds).toEqual([10, 10, 0, 0]);
  });

  it('takes no more rounds than it may', () => {
    expect(run(written(), -1, 7).rounds).toHaveLength(8);
  });

  it('switches the dirty log on itself', () => {
    const setting = written();
    setMemslotFlags(setting.mem, setting.vm, 0, 0);
    expect(run(setting, 0, 30).differences).toBe(0);
  });
});

describe('a write that the dirty log does not hold', () => {
  it('makes source and destination differ', () => {
    const { migration, mem, vm, write } = written();
    migration.sendAll();
    migration.sendDirty();
    write(3, 33);
    mem.and32(vm.at.dirty_bitmap, ~(1 << 3)); // as if the fast path had not marked it
    expect(migration.finish(now).differences).toBe(1);
  });

  it('makes them differ too when it came by a page that should have been write-protected', () => {
    const { migration, mem, vm, write } = written();
    migration.sendAll();
    mem.store32(vm.at.dirty_bitmap, 0); // as if a harvest had taken the bits and left W
    write(3, 33);
    expect(migration.finish(now).differences).toBe(1);
  });
});

describe('the comparison of one page', () => {
  it('finds no difference to what was written', () => {
    const { mem, vm, machine } = written();
    expect(countDifferences(mem, vm, 3 as Hvn, machine.ledger)).toBe(0);
  });

  it('finds each planted one', () => {
    const { mem, vm, machine } = written();
    machine.ledger[wordAt(3, 0)] = 9;
    machine.ledger[wordAt(3, 1023)] = 9;
    expect(countDifferences(mem, vm, 3 as Hvn, machine.ledger)).toBe(2);
  });

  it('takes a page that the host has not backed yet for zeros', () => {
    const { mem, vm, machine } = written();
    machine.ledger[wordAt(30, 5)] = 1;
    expect(countDifferences(mem, vm, 30 as Hvn, machine.ledger)).toBe(1);
  });

  it('compares the page itself though ksmd merges it away meanwhile', () => {
    const bench = written();
    const { mem, vm, machine, write } = bench;
    write(21, 5);
    write(22, 5);
    const racing = beforeLoad(mem, () => {
      const shared = writeProtectHostPage(mem, vm, 21 as Hvn);
      makeKsmPage(mem, vm, 21 as Hvn, shared);
      const pte = writeProtectHostPage(mem, vm, 22 as Hvn);
      mergeWithKsmPage(mem, vm, 22 as Hvn, pte, hostPtePfn(shared));
    });
    expect(countDifferences(racing, vm, 22 as Hvn, machine.ledger)).toBe(0);
    expect(hostPtePfn(hostPteOf(bench, 22))).toBe(hostPtePfn(hostPteOf(bench, 21)));
  });

  it('keeps no reference', () => {
    const bench = written();
    const { mem, vm, machine } = bench;
    const pfn = hostPtePfn(hostPteOf(bench, 3));
    countDifferences(mem, vm, 3 as Hvn, machine.ledger);
    expect(mem.load32(vm.at.page_refcount + (pfn << 2))).toBe(1);
    expect(pageBase(vm, pfn)).toBe(pfn * 1024);
  });
});
