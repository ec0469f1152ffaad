import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gfnOf, hvnOf, LOGGED, makeBench, pagesIn, slotOf } from '../../test/fixture.ts';
import { clientBitmap, markPageDirty, takeBits } from './dirty-bitmap.ts';

const HOST_PAGES = 150;
const bench = makeBench({ hostPages: HOST_PAGES, pageFrames: HOST_PAGES });
const { agent, vm } = bench;
const LOG = vm.at.dirty_bitmap;
const pages = Array.from({ length: HOST_PAGES }, (_, hvn) => hvn);

/** Sets the log to just these pages. */
function setLog(dirty: readonly number[]): void {
  takeBits(agent, LOG, { hvn: hvnOf(0), npages: HOST_PAGES }, () => {});
  const slot = slotOf({ npages: HOST_PAGES, flags: LOGGED });
  for (const hvn of dirty) markPageDirty(agent, vm, slot, gfnOf(hvn));
}

const take = (hvn: number, npages: number): number[] => {
  const taken: number[] = [];
  takeBits(agent, LOG, { hvn: hvnOf(hvn), npages }, (page) => taken.push(page));
  return taken;
};

describe('a mark', () => {
  it('stands for the page of the VMM that the slot has at the gfn', () => {
    setLog([]);
    markPageDirty(agent, vm, slotOf({ baseGfn: 7, npages: 40, hvn: 100, flags: LOGGED }), gfnOf(9));
    expect(pagesIn(bench, LOG)).toEqual([102]);
  });

  it.each([
    ['not logged', slotOf({ npages: HOST_PAGES })],
    ['not there', undefined],
  ])('is not made in a slot that is %s', (_, slot) => {
    setLog([]);
    markPageDirty(agent, vm, slot, gfnOf(9));
    expect(pagesIn(bench, LOG)).toEqual([]);
  });
});

const subset = fc.uniqueArray(fc.integer({ min: 0, max: HOST_PAGES - 1 }));
const range = fc
  .tuple(fc.integer({ min: 0, max: HOST_PAGES - 1 }), fc.integer({ min: 1, max: HOST_PAGES }))
  .map(([hvn, npages]) => ({ hvn, npages: Math.min(npages, HOST_PAGES - hvn) }));

describe('emptying a bitmap over any range of pages, whatever is dirty', () => {
  it('finds just the dirty pages of the range, in order', () => {
    fc.assert(
      fc.property(subset, range, (dirty, { hvn, npages }) => {
        setLog(dirty);
        const inRange = (page: number) => page >= hvn && page < hvn + npages;
        expect(take(hvn, npages)).toEqual(
          pages.filter((page) => dirty.includes(page) && inRange(page)),
        );
      }),
    );
  });

  it('leaves the others as they were', () => {
    fc.assert(
      fc.property(subset, range, (dirty, { hvn, npages }) => {
        setLog(dirty);
        take(hvn, npages);
        const outside = (page: number) => page < hvn || page >= hvn + npages;
        expect(pagesIn(bench, LOG)).toEqual(
          pages.filter((page) => dirty.includes(page) && outside(page)),
        );
      }),
    );
  });

  it('counts them', () => {
    setLog([0, 31, 32, 63, 149]);
    expect(takeBits(agent, LOG, { hvn: hvnOf(31), npages: 119 }, () => {})).toBe(4);
  });
});

describe('the bitmap of a client', () => {
  it('overlaps neither that of another nor the log', () => {
    const bytes = Math.ceil(HOST_PAGES / 32) * 4;
    const all = [LOG, clientBitmap(vm, 0), clientBitmap(vm, 1)].sort((a, b) => a - b);
    expect(all.every((from, n) => n === 0 || from >= (all[n - 1] as number) + bytes)).toBe(true);
  });

  it.each([2, -1])('does not exist for client %i of two', (client) => {
    expect(() => clientBitmap(vm, client)).toThrow(
      new RangeError(`expected a dirty-log client below 2, got ${client}`),
    );
  });
});
