import { describe, expect, it } from 'vitest';
import { lineOf, parseLines } from '../../test/parse-text.ts';
import { type HeatMap, HeatMapBuilder } from './heat-map.ts';

const fixed = (ms: number, gfn: number): string =>
  lineOf(
    `fast_page_fault: vcpu 0 gva ${gfn.toString(16)}000 error_code P|W|U sptep ffff888132 old 0x123ab7e65 new 123ab7e67 spurious 0 fixed 1`,
  ).replace('8.652615', (ms / 1000).toFixed(6));
const slot = (id: number, gpa: string, size: number): string =>
  lineOf(
    `tracing_mark_write: ${JSON.stringify({ ev: 'memslot', at: 'end', op: 'create', slot: id, gpa, size, hva: '0x7f0000000000', flags: 1, errno: 0 })}`,
  );

function mapOf(...lines: string[]): HeatMap {
  const builder = new HeatMapBuilder();
  for (const event of parseLines(...lines).events) builder.add(event);
  return builder.map() as HeatMap;
}
const sumOf = ({ counts }: HeatMap['regions'][number]): number =>
  counts.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0);

describe('a heat map', () => {
  it('has the slots that were written for its regions, and counts every write once', () => {
    const map = mapOf(
      slot(0, '0x0', 64 * 4096),
      slot(1, '0x10000000', 320 * 4096),
      slot(2, '0x20000000', 4096),
      fixed(0, 0x10000),
      fixed(50, 0x10000),
      fixed(100, 0x1013f),
      fixed(100, 3),
    );
    expect(map.regions.map(({ name, gfn, npages }) => [name, gfn, npages])).toEqual([
      ['slot 0', 0, 64],
      ['slot 1', 0x10000, 320],
    ]);
    expect(map.regions.map(sumOf)).toEqual([1, 3]);
    const [, ram] = map.regions;
    expect(map.pagesPerRow).toBe(3);
    expect(ram?.counts[0]?.[0]).toBe(1);
    expect(ram?.counts[0]?.[120]).toBe(1);
    expect(ram?.counts.at(-1)?.at(-1)).toBe(1);
  });

  it('is of the time from the first write to the last, in whatever order a text has them', () => {
    const map = mapOf(fixed(50, 1), fixed(0, 1), fixed(100, 1), fixed(60, 1));
    expect([map.begin, map.end, map.most]).toEqual([0, 100_000, 1]);
    expect(map.regions.map(sumOf)).toEqual([4]);
  });

  it('without slots has a region for what was written close together', () => {
    const map = mapOf(fixed(0, 100), fixed(1, 200), fixed(2, 1_000_000));
    expect(map.regions.map(({ gfn, npages }) => [gfn, npages])).toEqual([
      [100, 101],
      [1_000_000, 1],
    ]);
  });

  it('has so many regions that it stays a picture, wherever memory was written', () => {
    const everywhere = Array.from({ length: 1000 }, (_, n) => fixed(n, 1_000_000 * n));
    const { regions } = mapOf(...everywhere);
    expect(regions.length).toBeLessThanOrEqual(32);
    expect(regions.reduce((sum, region) => sum + sumOf(region), 0)).toBe(1000);
  });
});
