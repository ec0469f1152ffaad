import { describe, expect, it } from 'vitest';
import {
  type Bench,
  eventsOf,
  flagsOf,
  hostPteOf,
  hvnOf,
  illegalSptes,
  makeBenchWithSlot,
  pfnOf,
  wordsOf,
} from '../../test/fixture.ts';
import { faultInHostPage } from './fault-in.ts';
import { hostPtePfn, isHostPteShared, isHostPteWritable } from './host-pte.ts';
import { makeKsmPage, writeProtectHostPage } from './ksm.ts';
import { installPage, markMissing } from './missing-pages.ts';
import { allocPage, pageRefcount, putPage } from './page-frames.ts';
import { replacePages, sharePages } from './share-pages.ts';

const GFN = 3;
const POISON = 0x6b6b_6b6b;

function touched(...gfns: number[]): Bench {
  const bench = makeBenchWithSlot();
  for (const gfn of gfns) bench.guests[0].write(gfn, 7);
  return bench;
}

/** Shares `count` pages from `hvn` on; the frames by page. */
function share({ agent, vm }: Bench, hvn = 0, count = 16): Map<number, number> {
  const frames = new Map<number, number>();
  sharePages(agent, vm, hvnOf(hvn), count, (page, pfn) => frames.set(page, pfn));
  return frames;
}

const references = ({ agent, vm }: Bench, pfn: number | undefined): number =>
  pageRefcount(agent, vm, pfnOf(pfn as number));
const ranges = (bench: Bench, act: () => unknown): [number, number][] =>
  eventsOf(bench.agent, act).flatMap((event) =>
    event.event === 'kvm_unmap_hva_range'
      ? [[event.start / 4096, event.end / 4096] as [number, number]]
      : [],
  );

describe('pages that are shared', () => {
  it('are visited each with its frame', () => {
    const bench = touched(GFN, 9);
    const frames = [GFN, 9].map((gfn) => [gfn, hostPtePfn(hostPteOf(bench, gfn))]);
    expect([...share(bench)]).toEqual(frames);
  });

  it('are not visited where nothing was ever touched', () => {
    expect([...share(touched()).keys()]).toEqual([]);
  });

  it('have a reference for who shares them', () => {
    const bench = touched(GFN);
    expect(references(bench, share(bench).get(GFN))).toBe(2);
  });

  it('have lost W in the host pte', () => {
    const bench = touched(GFN);
    share(bench);
    const pte = hostPteOf(bench, GFN);
    expect([isHostPteWritable(pte), isHostPteShared(pte)]).toEqual([false, true]);
  });

  it('are mapped for the guest no more', () => {
    const bench = touched(GFN);
    share(bench);
    expect(flagsOf(bench, GFN)).toBe('0');
  });

  it('are withdrawn all at once, as far as they are near', () => {
    const bench = touched(2, 3, 4, 9);
    expect(ranges(bench, () => share(bench))).toEqual([[2, 10]]);
  });

  it('stay mapped where they were shared already, between others that are withdrawn', () => {
    const bench = touched(2, 3, 4);
    share(bench);
    bench.guests[1].read(3);
    for (const gfn of [2, 4]) bench.guests[1].write(gfn, 8);
    const before = flagsOf(bench, 3);
    share(bench);
    expect([2, 3, 4].map((gfn) => flagsOf(bench, gfn))).toEqual(['0', before, '0']);
    expect(before).not.toBe('0');
  });

  it('are withdrawn too where the guest wrote after their neighbours were looked at', () => {
    const bench = touched(2, 3, 4);
    share(bench);
    bench.guests[1].read(3);
    for (const gfn of [2, 4]) bench.guests[1].write(gfn, 8);
    let late = false;
    bench.agent.emit = ({ event }) => {
      if (event !== 'kvm_unmap_hva_range' || late) return;
      late = true;
      bench.guests[1].write(3, 9);
    };
    const frames = share(bench);
    expect([2, 3, 4].map((gfn) => flagsOf(bench, gfn))).toEqual(['0', '0', '0']);
    expect([late, isHostPteWritable(hostPteOf(bench, 3)), [...frames.keys()]]).toEqual([
      true,
      false,
      [2, 3, 4],
    ]);
  });

  it('are withdrawn from nobody when nothing was written since the last time', () => {
    const bench = touched(2, 3, 4, 9);
    share(bench);
    for (const gfn of [2, 3]) bench.guests[1].read(gfn);
    expect(ranges(bench, () => share(bench))).toEqual([]);
  });

  it('are withdrawn where the guest wrote since the last time', () => {
    const bench = touched(2, 3, 4, 9);
    share(bench);
    bench.guests[1].write(3, 8);
    expect(ranges(bench, () => share(bench))).toEqual([[3, 4]]);
  });

  it('have a reference for each that shares them', () => {
    const bench = touched(GFN);
    share(bench);
    expect(references(bench, share(bench).get(GFN))).toBe(3);
  });

  it('keep the mark of same-page merging, and get the reference', () => {
    const bench = touched(GFN);
    const { agent, vm } = bench;
    makeKsmPage(agent, vm, hvnOf(GFN), writeProtectHostPage(agent, vm, hvnOf(GFN)));
    const before = hostPteOf(bench, GFN);
    const frame = share(bench).get(GFN);
    expect([hostPteOf(bench, GFN), references(bench, frame)]).toEqual([before, 3]);
  });

  it('are waited for when a pager has them', () => {
    const bench = touched(GFN);
    const { agent, vm } = bench;
    markMissing(agent, vm, hvnOf(GFN), 1);
    agent.waitUntil = () => {
      installPage(bench.mems[3] as typeof agent, vm, hvnOf(GFN), () => {});
    };
    expect([...share(bench).keys()]).toEqual([GFN]);
  });
});

describe('a write to a shared page', () => {
  it('leaves the kept frame as it was', () => {
    const bench = touched(GFN);
    const frame = share(bench).get(GFN) as number;
    bench.guests[1].write(GFN, 8, 1);
    expect(wordsOf(bench, frame)).toEqual([7, 0, 0, 0]);
  });

  it('is seen by the guest, beside what was there', () => {
    const bench = touched(GFN);
    share(bench);
    bench.guests[1].write(GFN, 8, 1);
    expect([0, 1].map((word) => bench.guests[0].read(GFN, word))).toEqual([7, 8]);
  });

  it('leaves the frame to who keeps it', () => {
    const bench = touched(GFN);
    const frame = share(bench).get(GFN);
    bench.guests[1].write(GFN, 8);
    expect(references(bench, frame)).toBe(1);
  });

  it('gets the frame itself when it is kept no more', () => {
    const bench = touched(GFN);
    const frame = share(bench).get(GFN) as number;
    putPage(bench.agent, bench.vm, pfnOf(frame));
    const withdrawn = ranges(bench, () => bench.guests[1].write(GFN, 8));
    const pte = hostPteOf(bench, GFN);
    expect([hostPtePfn(pte), isHostPteShared(pte), withdrawn]).toEqual([frame, false, []]);
  });

  it('by a fault that had a look at it before is mapped as the host says then', () => {
    const bench = touched(GFN);
    share(bench);
    bench.guests[0].read(GFN);
    bench.guests[1].write(GFN, 8);
    expect([bench.guests[0].read(GFN), illegalSptes(bench)]).toEqual([8, []]);
  });
});

describe('pages led to other frames', () => {
  const restored = () => {
    const bench = touched(GFN, 9);
    const { agent, vm } = bench;
    const frame = allocPage(agent, vm, 5);
    const old = hostPtePfn(hostPteOf(bench, 9));
    const changed = replacePages(agent, vm, hvnOf(0), 16, (hvn) =>
      hvn === GFN ? frame : undefined,
    );
    return { bench, frame, old, changed };
  };

  it('read as those', () => {
    const { bench } = restored();
    expect(bench.guests[0].read(GFN)).toBe(5);
  });

  it('read as zeros where there is none', () => {
    const { bench } = restored();
    expect(bench.guests[0].read(9)).toBe(0);
  });

  it('give their own frames back', () => {
    const { bench, old } = restored();
    expect(wordsOf(bench, old)).toEqual([POISON, POISON, POISON, POISON]);
  });

  it('are counted where they change', () => {
    expect(restored().changed).toBe(2);
  });

  it('are copied for a writer, since the caller keeps them', () => {
    const { bench, frame } = restored();
    bench.guests[0].write(GFN, 6);
    expect([wordsOf(bench, frame)[0], references(bench, frame)]).toEqual([5, 1]);
  });

  it('are left alone when they lead there already', () => {
    const { bench, frame } = restored();
    const again = () => replacePages(bench.agent, bench.vm, hvnOf(GFN), 1, () => pfnOf(frame));
    expect([ranges(bench, again), references(bench, frame)]).toEqual([[], 2]);
  });

  it('wake whoever sleeps for them', () => {
    const bench = touched();
    const { agent, vm } = bench;
    markMissing(agent, vm, hvnOf(GFN), 1);
    const frame = allocPage(agent, vm, 5);
    const sleeper = bench.mems[3] as typeof agent;
    sleeper.waitUntil = () => {
      replacePages(agent, vm, hvnOf(GFN), 1, () => frame);
    };
    expect(hostPtePfn(faultInHostPage(sleeper, vm, hvnOf(GFN), false))).toBe(frame);
  });
});
