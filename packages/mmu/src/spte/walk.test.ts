import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { faultAt, gfnOf, lastSpte, makeBenchWithSlot, operationsOf } from '../../test/fixture.ts';
import { X86_64 } from '../address.ts';
import { entryAt, walkToLastSptep } from './walk.ts';

const GEOMETRIES = [
  { levels: 1, indexBits: 4 },
  { levels: 2, indexBits: 2 },
  { levels: 4, indexBits: 1 },
  X86_64,
];

describe.each(GEOMETRIES)('a walk through $levels levels of $indexBits bits', (geometry) => {
  const bench = makeBenchWithSlot(0, { geometry });
  bench.guests[0].write(5, 1);

  it('ends at level 1 where the gfn is mapped', () => {
    expect(lastSpte(bench, 5).level).toBe(1);
  });

  it('ends at the entry that belongs to the gfn', () => {
    const { sptep } = lastSpte(bench, 5);
    expect(sptep - entryAt(bench.vm, 0, gfnOf(5), 1)).toBe(
      lastSpte(bench, 4).sptep - entryAt(bench.vm, 0, gfnOf(4), 1),
    );
  });

  it('loads each level above the last once, and leaves the last to its caller', () => {
    const operations = operationsOf(bench.agent, (mem: Shared) =>
      walkToLastSptep(mem, bench.vm, faultAt(bench, 5, undefined)),
    );
    expect(operations.map(({ verb }) => verb)).toEqual(
      Array.from({ length: geometry.levels - 1 }, () => 'load64'),
    );
  });
});

describe('a walk to a gfn that has no table', () => {
  it('ends at the entry that leads nowhere', () => {
    const bench = makeBenchWithSlot(0, { geometry: { levels: 3, indexBits: 2 } });
    expect(lastSpte(bench, 5)).toMatchObject({ level: 3, low: 0 });
  });

  it('ends at the last table that there is', () => {
    const bench = makeBenchWithSlot(0, {
      geometry: { levels: 3, indexBits: 2 },
      hostPages: 32,
      pageFrames: 40,
    });
    bench.guests[0].write(1, 1);
    expect(lastSpte(bench, 5)).toMatchObject({ level: 2, low: 0 });
  });
});
