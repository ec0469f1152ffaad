import { describe, expect, it } from 'vitest';
import { type Bench, eventsOf, hostPteOf, hvnOf, makeBenchWithSlot } from '../../test/fixture.ts';
import { dropPages } from './drop-pages.ts';
import { hostPtePfn } from './host-pte.ts';
import { markMissing } from './missing-pages.ts';
import { pageRefcount } from './page-frames.ts';

const drop = ({ agent, vm }: Bench): number => dropPages(agent, vm, hvnOf(0), 16);

function touched(): Bench {
  const bench = makeBenchWithSlot();
  for (const gfn of [3, 4, 9]) bench.guests[0].write(gfn, 7);
  return bench;
}

describe('pages that are dropped', () => {
  it('read as zeros', () => {
    const bench = touched();
    drop(bench);
    expect([3, 4, 9].map((gfn) => bench.guests[1].read(gfn))).toEqual([0, 0, 0]);
  });

  it('give their frames back', () => {
    const bench = touched();
    const frame = hostPtePfn(hostPteOf(bench, 9));
    drop(bench);
    expect(pageRefcount(bench.agent, bench.vm, frame)).toBe(0);
  });

  it('are counted where there was anything', () => {
    expect(drop(touched())).toBe(3);
  });

  it('are withdrawn a stretch at a time, and nothing between them', () => {
    const bench = touched();
    const events = eventsOf(bench.agent, () => drop(bench));
    expect(events.filter(({ event }) => event === 'kvm_unmap_hva_range')).toMatchObject([
      { start: 3 * 4096, end: 5 * 4096 },
      { start: 9 * 4096, end: 10 * 4096 },
    ]);
  });

  it('are missing no more', () => {
    const bench = touched();
    markMissing(bench.agent, bench.vm, hvnOf(3), 1);
    drop(bench);
    expect(bench.guests[0].read(3)).toBe(0);
  });
});
