import { describe, expect, it } from 'vitest';
import {
  type Bench,
  before,
  faultAndLeave,
  faultLock,
  flagsOf,
  hostPteOf,
  hvnOf,
  illegalSptes,
  makeBenchWithSlot,
} from '../../test/fixture.ts';
import { RET_PF_RETRY } from '../fault/ret-pf.ts';
import { hostPtePfn, isHostPteWritable } from './host-pte.ts';
import { markMissing } from './missing-pages.ts';
import { movePage } from './move-page.ts';
import { pageRefcount } from './page-frames.ts';
import { sharePages } from './share-pages.ts';

const GFN = 3;

function touched(): Bench {
  const bench = makeBenchWithSlot();
  bench.guests[0].write(GFN, 7);
  return bench;
}
const move = ({ agent, vm }: Bench): boolean => movePage(agent, vm, hvnOf(GFN));
const frameOf = (bench: Bench): number => hostPtePfn(hostPteOf(bench, GFN));
const references = ({ agent, vm }: Bench, pfn: number): number =>
  pageRefcount(agent, vm, pfn as never);

describe('a page that is moved', () => {
  it('has another frame, with one reference', () => {
    const bench = touched();
    const old = frameOf(bench);
    move(bench);
    expect([frameOf(bench) === old, references(bench, frameOf(bench))]).toEqual([false, 1]);
  });

  it('gives the old one back', () => {
    const bench = touched();
    const old = frameOf(bench);
    move(bench);
    expect(references(bench, old)).toBe(0);
  });

  it('holds the same, and may be written as before', () => {
    const bench = touched();
    move(bench);
    expect([bench.guests[1].read(GFN), isHostPteWritable(hostPteOf(bench, GFN))]).toEqual([
      7,
      true,
    ]);
  });

  it('is not mapped while it is copied', () => {
    const bench = touched();
    let flags = '';
    const mem = before(
      bench.agent,
      { verb: 'lock', address: bench.vm.at.host_page_table_lock },
      () => {
        flags = flagsOf(bench, GFN);
      },
    );
    movePage(mem, bench.vm, hvnOf(GFN));
    expect(flags).toBe('0');
  });

  it('is not mapped by a fault that had the old frame', () => {
    const bench = touched();
    const mem = before(bench.mems[1] as typeof bench.agent, { verb: faultLock() }, () =>
      move(bench),
    );
    move(bench); // so that there is a fault
    expect([faultAndLeave(bench, GFN, { mem }).ret, illegalSptes(bench)]).toEqual([
      RET_PF_RETRY,
      [],
    ]);
  });
});

describe('a page that is not moved', () => {
  it.each([
    ['never touched', () => makeBenchWithSlot()],
    [
      'a pager has it',
      () => {
        const bench = touched();
        markMissing(bench.agent, bench.vm, hvnOf(GFN), 1);
        return bench;
      },
    ],
    [
      'somebody keeps it',
      () => {
        const bench = touched();
        sharePages(bench.agent, bench.vm, hvnOf(GFN), 1, () => {});
        return bench;
      },
    ],
  ])('stays as it is, and no frame is lost: %s', (_, make) => {
    const bench = make();
    const state = () => [hostPteOf(bench, GFN), bench.agent.load32(bench.vm.at.free_pages)];
    const was = state();
    expect([move(bench), state()]).toEqual([false, was]);
  });
});
