import { describe, expect, it } from 'vitest';
import { lineOf, parseLines } from '../test/parse-text.ts';
import { DirtyRate, type DirtyRateOptions, type DirtyWindow } from './dirty-rate.ts';

const fixed = (ms: number, gfn: number): string =>
  lineOf(
    `fast_page_fault: vcpu 0 gva ${gfn.toString(16)}000 error_code P|W|U sptep ffff888132 old 0x123ab7e65 new 123ab7e67 spurious 0 fixed 1`,
  ).replace('8.652615', (ms / 1000).toFixed(6));

function windowsOf(lines: readonly string[], options?: DirtyRateOptions): readonly DirtyWindow[] {
  const rate = new DirtyRate(options);
  for (const event of parseLines(...lines).events) rate.add(event);
  return rate.end();
}

describe('the dirty rate of a trace', () => {
  it('counts a page once in a window, however often it is written', () => {
    expect(windowsOf([fixed(1000, 1), fixed(1200, 1), fixed(1400, 2)])).toMatchObject([
      { begin: 1_000_000, end: 2_000_000, writes: 3, pages: 2, newPages: 2, bytes: 8192 },
    ]);
  });

  it('says which pages no window had before', () => {
    const windows = windowsOf([fixed(0, 1), fixed(0, 2), fixed(1500, 2), fixed(1500, 3)]);
    expect(windows.map(({ pages, newPages }) => [pages, newPages])).toEqual([
      [2, 2],
      [2, 1],
    ]);
  });

  it('has no window for a time in which nothing was written, however long', () => {
    const lines = [fixed(0, 1), fixed(250, 1), fixed(1e15, 2)];
    const windows = windowsOf(lines, { window: 100_000 });
    expect(windows.map(({ begin, pages }) => [begin, pages])).toEqual([
      [0, 1],
      [200_000, 1],
      [1e18, 1],
    ]);
  });

  it('counts huge pages, when asked to', () => {
    const [window] = windowsOf([fixed(0, 1), fixed(1, 511), fixed(2, 512)], { pageSize: 2 ** 21 });
    expect(window).toMatchObject({ pages: 2, bytes: 2 ** 22 });
  });

  it('is that of the rings, where no event of the MMU tells it', () => {
    const push = (ms: number, slot: number): string =>
      lineOf(
        `kvm_dirty_ring_push: ring 0: dirty 0x1 reset 0x0 slot ${slot} offset 0xa (used 1)`,
      ).replace('8.652615', (ms / 1000).toFixed(6));
    expect(windowsOf([push(1, 0), push(2, 1), push(3, 1)])).toMatchObject([
      { writes: 3, pages: 2 },
    ]);
    expect(windowsOf([fixed(1, 1), push(2, 1)])).toMatchObject([{ writes: 1, pages: 1 }]);
  });

  it('has no window without a write', () => {
    expect(windowsOf([lineOf('kvm_entry: vcpu 0, rip 0x1')])).toEqual([]);
  });
});
