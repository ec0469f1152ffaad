import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  eventsOf,
  hostPteOf,
  hvnOf,
  lastSpte,
  makeBenchWithSlot,
  pfnOf,
  wordsOf,
} from '../../test/fixture.ts';
import { faultInHostPage } from './fault-in.ts';
import {
  hostPtePfn,
  hostPtep,
  isHostPteHuge,
  isHostPteKsm,
  isHostPtePresent,
  isHostPteWritable,
} from './host-pte.ts';
import { collapseHugePage } from './huge-page.ts';
import { makeKsmPage, mergeWithKsmPage, writeProtectHostPage } from './ksm.ts';
import { allocPage, getPage, pageRefcount, putPage } from './page-frames.ts';

// Four pages make a huge one.
const huge = (options = {}): Bench =>
  makeBenchWithSlot(0, { transparentHugepage: 'always', ...options });
const touch = ({ agent, vm }: Bench, hvn: number): number => {
  const pfn = hostPtePfn(faultInHostPage(agent, vm, hvnOf(hvn), true));
  putPage(agent, vm, pfn);
  return pfn;
};
const ptes = (bench: Bench, from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, n) => hostPteOf(bench, from + n));
const pfns = (bench: Bench, from: number, to: number): number[] =>
  ptes(bench, from, to).map(hostPtePfn);
const hugeFlags = (bench: Bench, from = 0, to = 4): boolean[] =>
  ptes(bench, from, to).map(isHostPteHuge);
const references = ({ agent, vm }: Bench, from: readonly number[]): number[] =>
  from.map((pfn) => pageRefcount(agent, vm, pfnOf(pfn)));
const collapse = ({ agent, vm }: Bench, hvn = 0, mem: Shared = agent): boolean =>
  collapseHugePage(mem, vm, hvnOf(hvn));
/** The frames that nobody has a reference to. */
const freeFrames = (bench: Bench): number =>
  references(
    bench,
    Array.from({ length: bench.vm.pageFrames }, (_, pfn) => pfn),
  ).filter((count) => count === 0).length;
/** Pages 0 to 3 small, each with its number in it: a page of each block is in use when they are faulted in. */
function fourSmall(): Bench {
  const bench = huge();
  const { agent, vm, guests } = bench;
  const all = Array.from({ length: vm.pageFrames }, () => allocPage(agent, vm));
  for (let pfn = 0; pfn < 24; pfn += 4) putPage(agent, vm, pfnOf(pfn));
  for (let gfn = 0; gfn < 4; gfn++) guests[0].write(gfn, gfn + 1);
  for (const pfn of all) if (pfn % 4 !== 0) putPage(agent, vm, pfn);
  return bench;
}

describe('a first touch where the host has huge pages', () => {
  it('backs the whole aligned stretch by consecutive frames from an aligned one on', () => {
    const bench = huge();
    touch(bench, 6);
    const [first = 0] = pfns(bench, 4, 8);
    expect(first % 4).toBe(0);
    expect(pfns(bench, 4, 8)).toEqual([first, first + 1, first + 2, first + 3]);
    expect(hugeFlags(bench, 4, 8)).toEqual([true, true, true, true]);
    expect(ptes(bench, 4, 8).every(isHostPteWritable)).toBe(true);
  });

  it('leaves the stretches beside it alone', () => {
    const bench = huge();
    touch(bench, 6);
    expect([...ptes(bench, 0, 4), ...ptes(bench, 8, 16)].some(isHostPtePresent)).toBe(false);
  });

  it('gives each frame one reference', () => {
    const bench = huge();
    touch(bench, 0);
    expect(references(bench, pfns(bench, 0, 4))).toEqual([1, 1, 1, 1]);
    expect(freeFrames(bench)).toBe(20);
  });

  it('takes a single frame behind the last whole stretch', () => {
    const bench = huge({ hostPages: 6 });
    touch(bench, 5);
    expect(ptes(bench, 4, 6).map(isHostPtePresent)).toEqual([false, true]);
    expect(hugeFlags(bench, 4, 6)).toEqual([false, false]);
  });

  it('takes a single frame when no block is free', () => {
    const bench = huge({ hostPages: 8, pageFrames: 7 });
    touch(bench, 0);
    touch(bench, 4);
    expect(ptes(bench, 0, 8).map(isHostPteHuge)).toEqual([
      ...[true, true, true, true],
      ...[false, false, false, false],
    ]);
    expect(ptes(bench, 4, 8).map(isHostPtePresent)).toEqual([true, false, false, false]);
  });

  it('takes a single frame in a stretch of which a page is there already', () => {
    const bench = huge({ hostPages: 4, pageFrames: 8 });
    const { agent, vm } = bench;
    const [one, other] = [allocPage(agent, vm), allocPage(agent, vm)];
    const [low, high] = [allocPage(agent, vm), allocPage(agent, vm)];
    const last = allocPage(agent, vm);
    touch(bench, 0);
    for (const pfn of [one, other, low, high, last]) putPage(agent, vm, pfn);
    touch(bench, 1);
    expect(hugeFlags(bench)).toEqual([false, false, false, false]);
  });

  it('says HUGE of no page before all of them are there', () => {
    const bench = huge();
    const { agent, vm } = bench;
    const seen: string[] = [];
    const spy: Shared = Object.create(agent) as Shared;
    spy.store32 = (address, value) => {
      agent.store32(address, value);
      if (address < hostPtep(vm, hvnOf(0)) || address > hostPtep(vm, hvnOf(3))) return;
      const present = ptes(bench, 0, 4).filter(isHostPtePresent).length;
      if (hugeFlags(bench).includes(true) && present < 4) seen.push(`${present} of 4`);
    };
    putPage(agent, vm, hostPtePfn(faultInHostPage(spy, vm, hvnOf(0), true)));
    expect(hugeFlags(bench)).toEqual([true, true, true, true]);
    expect(seen).toEqual([]);
  });
});

describe('a change of one page of a huge one', () => {
  it('splits it: the others keep their frames and rights', () => {
    const bench = huge();
    touch(bench, 0);
    const old = pfns(bench, 0, 4);
    writeProtectHostPage(bench.agent, bench.vm, hvnOf(1));
    expect(hugeFlags(bench)).toEqual([false, false, false, false]);
    expect(pfns(bench, 0, 4)).toEqual(old);
    expect(ptes(bench, 0, 4).map(isHostPteWritable)).toEqual([true, false, true, true]);
  });

  it('is announced for all of them', () => {
    const bench = huge();
    touch(bench, 4);
    const events = eventsOf(bench.agent, () =>
      writeProtectHostPage(bench.agent, bench.vm, hvnOf(5)),
    );
    expect(events).toContainEqual({
      event: 'kvm_unmap_hva_range',
      start: 4 * 4096,
      end: 8 * 4096,
    });
  });

  it('unmaps what maps any of them', () => {
    const bench = huge();
    bench.guests[0].write(0, 7);
    expect(lastSpte(bench, 3)).toMatchObject({ level: 2 });
    writeProtectHostPage(bench.agent, bench.vm, hvnOf(1));
    expect(lastSpte(bench, 3).low).toBe(0);
  });

  it('is announced anew when the page has become huge behind the announcement', () => {
    const bench = fourSmall();
    const { agent, vm } = bench;
    const act = () => expect(collapse(bench, 0, bench.mems[3])).toBe(true);
    const mem = before(agent, { verb: 'lock', address: vm.at.host_page_table_lock }, act);
    const heard = eventsOf(agent, () => writeProtectHostPage(mem, vm, hvnOf(1)));
    expect(heard.filter(({ event }) => event === 'kvm_unmap_hva_range')).toEqual([
      { event: 'kvm_unmap_hva_range', start: 4096, end: 2 * 4096 },
      { event: 'kvm_unmap_hva_range', start: 0, end: 4 * 4096 },
    ]);
    expect(agent.load32(vm.at.mmu_invalidate_in_progress)).toBe(0);
    expect(agent.load32(vm.at.mn_active_invalidate_count)).toBe(0);
  });

  it('by same-page merging gives its frame back and no other', () => {
    const bench = huge();
    const { agent, vm } = bench;
    touch(bench, 0);
    touch(bench, 4);
    const [kept, merged] = [pfns(bench, 0, 1)[0], pfns(bench, 5, 6)[0]];
    makeKsmPage(agent, vm, hvnOf(0), writeProtectHostPage(agent, vm, hvnOf(0)));
    const pte = writeProtectHostPage(agent, vm, hvnOf(5));
    expect(mergeWithKsmPage(agent, vm, hvnOf(5), pte, pfnOf(kept as number))).toBe(true);
    expect(references(bench, [kept as number, merged as number])).toEqual([3, 0]);
    expect(freeFrames(bench)).toBe(17);
  });

  it('by a write to a merged page of it leaves the rest as it is', () => {
    const bench = huge();
    const { agent, vm, guests } = bench;
    for (let gfn = 0; gfn < 4; gfn++) guests[0].write(gfn, gfn + 1);
    makeKsmPage(agent, vm, hvnOf(2), writeProtectHostPage(agent, vm, hvnOf(2)));
    guests[0].write(2, 9);
    expect([0, 1, 2, 3].map((gfn) => guests[1].read(gfn))).toEqual([1, 2, 9, 4]);
    expect(hugeFlags(bench)).toEqual([false, false, false, false]);
  });
});

describe('a collapse', () => {
  it('puts the pages together, with what is in them', () => {
    const bench = fourSmall();
    expect(hugeFlags(bench)).toEqual([false, false, false, false]);
    expect(collapse(bench, 2)).toBe(true);
    expect(hugeFlags(bench)).toEqual([true, true, true, true]);
    const [first = -1] = pfns(bench, 0, 4);
    expect(first % 4).toBe(0);
    expect(pfns(bench, 0, 4)).toEqual([0, 1, 2, 3].map((n) => first + n));
    expect(pfns(bench, 0, 4).map((pfn) => wordsOf(bench, pfn)[0])).toEqual([1, 2, 3, 4]);
  });

  it('frees the frames that it leaves', () => {
    const bench = fourSmall();
    const old = pfns(bench, 0, 4);
    const free = freeFrames(bench);
    collapse(bench);
    expect(references(bench, old)).toEqual([0, 0, 0, 0]);
    expect(freeFrames(bench)).toBe(free);
  });

  it('has the guest map the whole by one leaf, and find there what it wrote', () => {
    const bench = fourSmall();
    const { guests } = bench;
    collapse(bench);
    expect([0, 1, 2, 3].map((gfn) => guests[1].read(gfn))).toEqual([1, 2, 3, 4]);
    expect(lastSpte(bench, 1)).toMatchObject({ level: 2 });
  });

  it('is not done to a huge page', () => {
    const bench = huge();
    const pfn = touch(bench, 0);
    expect(collapse(bench)).toBe(false);
    expect(pfns(bench, 0, 1)).toEqual([pfn]);
  });

  it('is not done where a page is missing', () => {
    const bench = huge();
    expect(collapse(bench)).toBe(false);
    expect(ptes(bench, 0, 4)).toEqual([0, 0, 0, 0]);
  });

  it('is not done behind the last whole stretch', () => {
    const bench = huge({ hostPages: 6 });
    touch(bench, 4);
    touch(bench, 5);
    expect(collapse(bench, 4)).toBe(false);
  });

  it.each([
    ['protected', false],
    ['shared', true],
  ] as const)('is not done where a page is %s', (_, shared) => {
    const bench = fourSmall();
    const { agent, vm } = bench;
    const pte = writeProtectHostPage(agent, vm, hvnOf(2));
    if (shared) makeKsmPage(agent, vm, hvnOf(2), pte);
    const old = ptes(bench, 0, 4);
    expect(collapse(bench)).toBe(false);
    expect(ptes(bench, 0, 4)).toEqual(old);
    expect(isHostPteKsm(old[2] as number)).toBe(shared);
  });

  it('is not done while somebody holds one of the frames', () => {
    const bench = fourSmall();
    const { agent, vm } = bench;
    const old = ptes(bench, 0, 4);
    getPage(agent, vm, hostPtePfn(old[3] as number));
    expect(collapse(bench)).toBe(false);
    expect(ptes(bench, 0, 4)).toEqual(old);
  });

  it('is not done when somebody took a frame for a store right before it was protected', () => {
    const bench = fourSmall();
    const { agent, vm } = bench;
    const old = ptes(bench, 0, 4);
    const other = bench.mems[3] as Shared;
    const mem = before(agent, { verb: 'store32', address: hostPtep(vm, hvnOf(1)) }, () =>
      faultInHostPage(other, vm, hvnOf(1), true),
    );
    expect(collapse(bench, 0, mem)).toBe(false);
    expect(ptes(bench, 0, 4)).toEqual(old);
  });

  it('lets nobody take a frame for a store once it has looked for holders', () => {
    const bench = fourSmall();
    const { agent, vm } = bench;
    const other = bench.mems[3] as Shared;
    const [, pte = 0] = ptes(bench, 0, 4);
    const refcount = vm.at.page_refcount + hostPtePfn(pte) * 4;
    let waited = false;
    const mem = before(agent, { verb: 'load32', address: refcount }, () => {
      // It would have to sleep for the lock that the collapse holds.
      expect(() => faultInHostPage(other, vm, hvnOf(1), true)).toThrow(/nobody is left/);
      waited = true;
    });
    collapse(bench, 0, mem);
    expect(waited).toBe(true);
  });

  it('is not done without a free block, and everything stays as it was', () => {
    const bench = fourSmall();
    const { agent, vm } = bench;
    const old = ptes(bench, 0, 4);
    for (let n = freeFrames(bench); n > 0; n--) allocPage(agent, vm);
    expect(collapse(bench)).toBe(false);
    expect(ptes(bench, 0, 4)).toEqual(old);
  });
});
