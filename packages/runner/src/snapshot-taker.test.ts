import {
  type Hvn,
  hostPtePfn,
  isHostPtePresent,
  pageBase,
  swapOut,
  takeDirty,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { hostPteOf, type OneThread, oneThread } from '../test/fixture.ts';
import { collectDirty } from './dirty-log.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import { verify } from './verify.ts';

const PAGES = 16;

function setUp(restores = true): OneThread & { readonly taker: SnapshotTaker } {
  const bench = oneThread(PAGES, { pageFrames: 3 * PAGES });
  for (let page = 0; page < 10; page++) bench.write(page, page + 1);
  return { ...bench, taker: new SnapshotTaker(bench.mem, bench.machine, bench.region, restores) };
}

/** Takes snapshots and lets them go while page after page is written. */
function worked(turns: number, restores = true): ReturnType<typeof setUp> {
  const bench = setUp(restores);
  for (let turn = 0; turn < turns; turn++) {
    bench.taker.step();
    bench.write(turn % PAGES, 1000 + turn);
  }
  bench.taker.close();
  return bench;
}

describe('snapshots of a guest that writes', () => {
  it('are what it had written, and rewinds lose nothing', () => {
    const { machine, taker } = worked(200);
    expect(taker.stat).toMatchObject({ taken: 100, differences: 0 });
    expect(taker.stat.restored).toBeGreaterThan(20);
    expect(verify(machine)).toMatchObject({ wrongWords: 0, wrongSptes: 0 });
  });

  it('are never rewound to where the guest remembers', () => {
    expect(worked(50, false).taker.stat).toMatchObject({ restored: 0, pagesRestored: 0 });
  });

  it('give every frame back', () => {
    const bench = worked(50);
    const { mem, vm } = bench;
    const pages = Array.from({ length: PAGES }, (_, page) => hostPteOf(bench, page));
    const held = pages.filter(isHostPtePresent).length;
    expect(mem.load32(vm.at.free_pages)).toBe(vm.pageFrames - held);
  });

  it('tell the dirty log of what a rewind changed', () => {
    const { taker, mem, vm, region, write } = setUp();
    const told = (): number => {
      collectDirty(mem, vm, [region]);
      return takeDirty(mem, vm, { hvn: 0 as Hvn, npages: PAGES }, 0, () => {});
    };
    while (taker.stat.restored === 0) {
      taker.step();
      if (taker.stat.restored > 0) break;
      write(3, taker.stat.taken);
      told();
    }
    expect([taker.stat.pagesRestored, told()]).toEqual([1, 1]);
  });

  it('tell the dirty log of a page that came since, and is swapped out when the rewind takes it away', () => {
    const { taker, mem, vm, region, write } = setUp();
    const last = (PAGES - 1) as Hvn;
    const told = (): Hvn[] => {
      const dirty: Hvn[] = [];
      collectDirty(mem, vm, [region]);
      takeDirty(mem, vm, { hvn: 0 as Hvn, npages: PAGES }, 0, (hvn) => dirty.push(hvn));
      return dirty;
    };
    while (taker.stat.restored === 0) {
      told();
      taker.step();
      write(last, 1);
      swapOut(mem, vm, last, { slot: 0, save: () => {} });
      told();
      taker.step();
    }
    expect(told()).toEqual([last]);
  });

  it('are found out when a page that they keep has changed', () => {
    const bench = setUp();
    bench.taker.step();
    const kept = pageBase(bench.vm, hostPtePfn(hostPteOf(bench, 3)));
    bench.mem.guestStore(kept + 5, 77);
    bench.taker.close();
    expect(bench.taker.stat.differences).toBe(1);
  });
});
