import { describe, expect, it } from 'vitest';
import { type Bench, hvnOf, makeBench } from '../../test/fixture.ts';
import type { Sptep } from '../address.ts';
import { forEachRmapSpte, rmapAdd, rmapHead, rmapRemove } from './rmap.ts';

const legacy = (): Bench => makeBench({ mmu: 'legacy' });
const spteAt = ({ vm }: Bench, n: number): Sptep => (vm.tablesAt + n * 8) as Sptep;
const inList = ({ agent, vm }: Bench, head: number): number[] => {
  const found: number[] = [];
  forEachRmapSpte(agent, vm, head, (sptep) => found.push((sptep - vm.tablesAt) / 8));
  return found;
};

describe('the rmap of a page', () => {
  const filled = (...entries: number[]) => {
    const bench = legacy();
    const head = rmapHead(bench.vm, hvnOf(3), 1);
    for (const n of entries) rmapAdd(bench.agent, bench.vm, head, spteAt(bench, n));
    return { bench, head };
  };

  it('is empty at first', () => {
    const { bench, head } = filled();
    expect(inList(bench, head)).toEqual([]);
  });

  it('holds the leaves of several roots', () => {
    const { bench, head } = filled(5, 9, 70);
    expect(inList(bench, head)).toEqual([70, 9, 5]);
  });

  it.each([5, 9, 70])('loses the leaf %s, and no other', (gone) => {
    const { bench, head } = filled(5, 9, 70);
    rmapRemove(bench.agent, bench.vm, spteAt(bench, gone));
    expect(inList(bench, head)).toEqual([70, 9, 5].filter((n) => n !== gone));
  });

  it('may lose every leaf while it is visited', () => {
    const { bench, head } = filled(5, 9, 70);
    forEachRmapSpte(bench.agent, bench.vm, head, (sptep) => {
      rmapRemove(bench.agent, bench.vm, sptep);
    });
    expect(inList(bench, head)).toEqual([]);
  });

  it('takes a leaf back that was in another', () => {
    const { bench, head } = filled(5, 9);
    const other = rmapHead(bench.vm, hvnOf(4), 1);
    rmapRemove(bench.agent, bench.vm, spteAt(bench, 9));
    rmapAdd(bench.agent, bench.vm, other, spteAt(bench, 9));
    expect([inList(bench, head), inList(bench, other)]).toEqual([[5], [9]]);
  });

  it('is apart from that of the next page, and from that of the large leaf', () => {
    const { vm } = legacy();
    const heads = [rmapHead(vm, hvnOf(3), 1), rmapHead(vm, hvnOf(4), 1), rmapHead(vm, hvnOf(3), 2)];
    expect(new Set(heads).size).toBe(3);
  });

  it('is that of all pages of a large leaf', () => {
    const { vm } = legacy();
    expect(rmapHead(vm, hvnOf(5), 2)).toBe(rmapHead(vm, hvnOf(6), 2));
  });

  it('does not let go of what is in none', () => {
    const { bench } = filled(5);
    expect(() => rmapRemove(bench.agent, bench.vm, spteAt(bench, 6))).toThrow(
      'expected it in an rmap, got no link',
    );
  });
});
