import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accessedGfn,
  type Geometry,
  GFN_LIMIT,
  type Gfn,
  type Gpa,
  gfnLimit,
  gfnToGpa,
  gpaToGfn,
  type Hva,
  hvaToHvn,
  hvnToHva,
  offsetInPage,
  pagesPerEntry,
  tableIndex,
  X86_64,
} from './address.ts';

const FOUR_BY_NINE = X86_64;
const TWO_BY_ONE: Geometry = { levels: 2, indexBits: 1 };
const THREE_BY_TWO: Geometry = { levels: 3, indexBits: 2 };
const GEOMETRIES = [FOUR_BY_NINE, TWO_BY_ONE, THREE_BY_TWO];

const indices = (gfn: number, { levels, indexBits }: Geometry): number[] =>
  Array.from({ length: levels }, (_, level) => tableIndex(gfn as Gfn, levels - level, indexBits));

describe('a guest frame number', () => {
  it('is the page of a gpa, also above 4 GiB', () => {
    expect(gpaToGfn(0x1234_5678_9abc as Gpa)).toBe(0x1_2345_6789);
  });

  it('is the page of a gpa, also above 8 TiB, where it no longer fits an int32', () => {
    expect(gpaToGfn((0x8765_4321 * 4096 + 4095) as Gpa)).toBe(0x8765_4321);
  });

  it('comes back from its own gpa', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (gfn) => {
        expect(gpaToGfn(gfnToGpa(gfn as Gfn))).toBe(gfn);
      }),
    );
  });

  it('of an access is that of its gpa, where memory can be', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: GFN_LIMIT - 1 }), (gfn) => {
        expect(accessedGfn(gfnToGpa(gfn as Gfn))).toBe(gfn);
      }),
    );
  });

  it('of an access is one that no table maps, where no memory can be', () => {
    expect(accessedGfn((2 ** 44) as Gpa)).toBe(gfnLimit(FOUR_BY_NINE));
  });
});

describe('the offset in a page', () => {
  it('is twelve bits of the gpa, however high that is', () => {
    expect(offsetInPage(0x7ff_ffff_fabc as Gpa)).toBe(0xabc);
  });
});

describe('a host virtual address', () => {
  it('and its page number are twelve bits apart', () => {
    expect(hvnToHva(hvaToHvn(0x1_0000_5fff as Hva))).toBe(0x1_0000_5000);
  });
});

describe('the index of a gfn in a table', () => {
  it('of 4 x 9 is nine bits per level', () => {
    expect(indices(0x7654_3210, FOUR_BY_NINE)).toEqual([0x00e, 0x195, 0x019, 0x010]);
  });

  it('of 4 x 9 is unsigned for a gfn above 2^31', () => {
    expect(indices(0xfedc_ba98, FOUR_BY_NINE)).toEqual([0x01f, 0x1b7, 0x05d, 0x098]);
  });

  it('of 2 x 1 is one bit per level', () => {
    expect([0, 1, 2, 3].map((gfn) => indices(gfn, TWO_BY_ONE))).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
  });

  it('of 3 x 2 is two bits per level', () => {
    expect(indices(0b11_01_10, THREE_BY_TWO)).toEqual([3, 1, 2]);
  });

  it.each(GEOMETRIES)(
    'of $levels x $indexBits says, with its level, which gfn it is',
    (geometry) => {
      const { levels, indexBits } = geometry;
      const gfns = fc.integer({ min: 0, max: gfnLimit(geometry) - 1 });
      fc.assert(
        fc.property(gfns, (gfn) => {
          const pages = indices(gfn, geometry).map(
            (index, depth) => index * pagesPerEntry(levels - depth, indexBits),
          );
          expect(pages.reduce((sum, part) => sum + part)).toBe(gfn);
        }),
      );
    },
  );
});

describe('the limit of gfns', () => {
  it.each([
    [TWO_BY_ONE, 4],
    [THREE_BY_TWO, 64],
    [FOUR_BY_NINE, 0xffff_fffe],
  ])('of %o is %i', (geometry, limit) => {
    expect(gfnLimit(geometry)).toBe(limit);
  });
});
