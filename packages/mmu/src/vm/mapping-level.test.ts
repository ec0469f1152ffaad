import { describe, expect, it } from 'vitest';
import { gfnOf, LOGGED, makeBench, slotOf } from '../../test/fixture.ts';
import { maxMappingLevel } from './mapping-level.ts';

const { vm } = makeBench({ transparentHugepage: 'always' });
type Fields = Parameters<typeof slotOf>[0];
const levels = (slot: Fields, from: number, to: number, of = vm): number[] =>
  Array.from({ length: to - from }, (_, n) => maxMappingLevel(of, slotOf(slot), gfnOf(from + n)));

// Four pages make a large one.
describe('the largest leaf', () => {
  it('is a large one where its whole stretch lies in the slot', () => {
    expect(levels({ baseGfn: 4, hvn: 8, npages: 8 }, 4, 12)).toEqual([2, 2, 2, 2, 2, 2, 2, 2]);
  });

  it('is a small one at both edges of a slot', () => {
    expect(levels({ baseGfn: 3, hvn: 3, npages: 6 }, 3, 9)).toEqual([1, 2, 2, 2, 2, 1]);
  });

  it('is a small one where guest and host are not aligned alike', () => {
    for (const hvn of [1, 2, 3]) {
      expect(levels({ baseGfn: 0, hvn, npages: 12 }, 0, 12)).toEqual(Array(12).fill(1));
    }
  });

  it('is a large one where they are shifted alike', () => {
    expect(levels({ baseGfn: 6, hvn: 2, npages: 8 }, 6, 14)).toEqual([1, 1, 2, 2, 2, 2, 1, 1]);
  });

  it('is a small one while the slot is logged', () => {
    expect(levels({ npages: 8, flags: LOGGED }, 0, 8)).toEqual(Array(8).fill(1));
  });

  it('is a small one where the host has no huge pages', () => {
    expect(levels({ npages: 8 }, 0, 8, makeBench().vm)).toEqual(Array(8).fill(1));
  });

  it('is a large one at the highest gfns that a slot may have', () => {
    const geometry = { levels: 16, indexBits: 2 };
    const wide = makeBench({ transparentHugepage: 'always', geometry }).vm;
    expect(
      levels({ baseGfn: 0xffff_fff0, hvn: 0, npages: 6 }, 0xffff_fff0, 0xffff_fff6, wide),
    ).toEqual([2, 2, 2, 2, 1, 1]);
  });
});
