import {
  hostPtePfn,
  isHostPteKsm,
  isHostPteWritable,
  pageBase,
  pageRefcount,
} from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { beforeLoad, hostPteOf, type OneThread, oneThread } from '../test/fixture.ts';
import { fill } from './fill.ts';
import { Ksmd } from './ksmd.ts';
import { verify } from './verify.ts';

const PAGES = 24;

/** Pages n, n + 8 and n + 16 hold the same; every one is mapped. */
function filled(): OneThread {
  const bench = oneThread(PAGES);
  fill(bench.mem, bench.machine, bench.region);
  for (let page = 0; page < PAGES; page++) bench.read(page);
  return bench;
}

const newKsmd = ({ mem, vm, region }: OneThread): Ksmd => new Ksmd(mem, vm, [region]);
const pfnOf = (bench: OneThread, page: number): number => hostPtePfn(hostPteOf(bench, page));
const isMerged = (bench: OneThread, page: number): boolean => isHostPteKsm(hostPteOf(bench, page));
const freeFrames = ({ mem, vm }: OneThread): number => mem.load32(vm.at.free_pages);
const references = ({ mem, vm }: OneThread): number =>
  Array.from({ length: vm.pageFrames }, (_, pfn) => pageRefcount(mem, vm, pfn as never)).reduce(
    (sum, count) => sum + count,
    0,
  );

/** Whole looks at all pages. */
function scans(ksmd: Ksmd, count: number): Ksmd {
  ksmd.scan(count * PAGES);
  return ksmd;
}

describe('pages that stand still and hold the same', () => {
  it('are left alone by the first scan, which only learns what they hold', () => {
    expect(scans(newKsmd(filled()), 1).stat.merged).toBe(0);
  });

  it('are one page after the third', () => {
    const bench = filled();
    scans(newKsmd(bench), 3);
    expect([pfnOf(bench, 8), pfnOf(bench, 16)]).toEqual([pfnOf(bench, 0), pfnOf(bench, 0)]);
  });

  it('count as merged, all but the first of each kind', () => {
    expect(scans(newKsmd(filled()), 3).stat).toMatchObject({ merged: 16, raced: 0, changed: 0 });
  });

  it('give their frames back', () => {
    const bench = filled();
    const before = freeFrames(bench);
    scans(newKsmd(bench), 3);
    expect(freeFrames(bench) - before).toBe(16);
  });

  it('still hold what the guest wrote', () => {
    const bench = filled();
    scans(newKsmd(bench), 3);
    expect(verify(bench.machine)).toMatchObject({ wrongWords: 0, wrongSptes: 0 });
  });
});

describe('a page that changes between scans', () => {
  it('is left alone', () => {
    const bench = filled();
    const ksmd = newKsmd(bench);
    for (let round = 1; round <= 4; round++) {
      bench.write(8, round);
      scans(ksmd, 1);
    }
    expect([isMerged(bench, 8), isMerged(bench, 16)]).toEqual([false, true]);
  });
});

describe('a page that nobody touched yet', () => {
  it('is left alone', () => {
    const bench = oneThread(PAGES);
    scans(newKsmd(bench), 3);
    expect(hostPteOf(bench, 0)).toBe(0);
  });
});

describe('a guest that writes a merged page', () => {
  it('gets a copy of its own', () => {
    const bench = filled();
    scans(newKsmd(bench), 3);
    bench.write(8, 5);
    expect([isMerged(bench, 8), pfnOf(bench, 8) === pfnOf(bench, 0)]).toEqual([false, false]);
  });

  it('leaves the shared page as it was', () => {
    const bench = filled();
    const ksmd = scans(newKsmd(bench), 3);
    bench.write(8, 5);
    scans(ksmd, 1);
    expect([ksmd.stat.changed, verify(bench.machine).wrongWords]).toEqual([0, 0]);
  });

  it('wins against a merge that it overtakes, and the merge is counted as raced', () => {
    const bench = filled();
    const isProtected = (): boolean => !isHostPteWritable(hostPteOf(bench, 8));
    const mem = beforeLoad(bench.mem, () => bench.write(8, 5), isProtected);
    const ksmd = scans(new Ksmd(mem, bench.vm, [bench.region]), 3);
    expect([ksmd.stat.raced, isMerged(bench, 8), bench.read(8)]).toEqual([1, false, 5]);
  });
});

describe("a shared page that is altered behind everybody's back", () => {
  it('is noticed', () => {
    const bench = filled();
    const ksmd = scans(newKsmd(bench), 3);
    bench.mem.guestStore(pageBase(bench.vm, hostPtePfn(hostPteOf(bench, 0))) + 7, 1);
    ksmd.close();
    expect(ksmd.stat.changed).toBe(1);
  });
});

describe('a shared page without sharers', () => {
  it('is dropped at the end of the scan', () => {
    const bench = filled();
    const ksmd = scans(newKsmd(bench), 3);
    const shared = pfnOf(bench, 0);
    for (const page of [0, 8, 16]) bench.write(page, page);
    scans(ksmd, 1);
    ksmd.scan(1);
    expect(pageRefcount(bench.mem, bench.vm, shared as never)).toBe(0);
  });
});

describe('a ksmd that is closed', () => {
  it('leaves one reference for each page of the guest', () => {
    const bench = filled();
    scans(newKsmd(bench), 3).close();
    expect(references(bench)).toBe(PAGES);
  });

  it('leaves merged pages merged', () => {
    const bench = filled();
    scans(newKsmd(bench), 3).close();
    expect(pfnOf(bench, 8)).toBe(pfnOf(bench, 0));
  });

  it('gives back the shared pages that nobody uses any more', () => {
    const bench = filled();
    const ksmd = scans(newKsmd(bench), 3);
    for (let page = 0; page < PAGES; page++) bench.write(page, page);
    ksmd.close();
    expect(freeFrames(bench)).toBe(bench.vm.pageFrames - PAGES);
  });
});
