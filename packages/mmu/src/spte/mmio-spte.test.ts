import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GFN_LIMIT, type Gfn } from '../address.ts';
import type { Spte } from '../event.ts';
import { makeSpte } from './make-spte.ts';
import {
  MMIO_SPTE_GEN_MASK,
  makeMmioSpte,
  mmioSpteAccess,
  mmioSpteGeneration,
  mmioSpteGfn,
} from './mmio-spte.ts';
import {
  FROZEN_SPTE,
  formatSpte,
  illegalState,
  isFrozen,
  isMmioSpte,
  isShadowPresent,
  leadsToTable,
  PT_PRESENT_MASK,
  SHADOW_NONPRESENT,
  SPTE_MMU_PRESENT_MASK,
} from './spte.ts';

const value = ({ low, high }: Spte): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
const gfnOf = (gfn: number): Gfn => gfn as Gfn;
const generations = fc.nat({ max: MMIO_SPTE_GEN_MASK });
const gfns = fc.nat({ max: GFN_LIMIT }).map(gfnOf);

/** `law` of every MMIO spte. */
const always = (law: (spte: Spte, generation: number, gfn: Gfn) => void): void =>
  fc.assert(
    fc.property(generations, gfns, (generation, gfn) => {
      law(makeMmioSpte(generation, gfn), generation, gfn);
    }),
  );

describe('the MMIO sptes that KVM 6.12 prints', () => {
  it.each([
    [4, 0xd0010, 0x8_0000_d001_0027n],
    [6, 0xd0010, 0x8_0000_d001_0037n],
    [18, 0x58001, 0x8_0000_5800_1097n],
    [32, 0x50355, 0x8_0000_5035_5107n],
  ])('of generation %i and gfn 0x%x are these', (generation, gfn, spte) => {
    expect(value(makeMmioSpte(generation, gfnOf(gfn)))).toBe(spte);
  });

  it('have room for 19 bits of the generation', () => {
    expect(MMIO_SPTE_GEN_MASK).toBe(2 ** 19 - 1);
  });

  it.each([
    [0xff, 0x7f8n],
    [0x100, 1n << 52n],
    [0x7ff00, 0x7ffn << 52n],
  ])('have generation 0x%x in bits 3 to 10 and 52 to 62', (generation, bits) => {
    const all = value(makeMmioSpte(generation, gfnOf(0)));
    expect(all ^ value(makeMmioSpte(0, gfnOf(0)))).toBe(bits);
  });
});

describe('an MMIO spte', () => {
  it('says its generation', () => {
    always(({ low, high }, generation) => expect(mmioSpteGeneration(low, high)).toBe(generation));
  });

  it('says its gfn', () => {
    always(({ low, high }, _, gfn) => expect(mmioSpteGfn(low, high)).toBe(gfn));
  });

  it('says that stores and user accesses are for the device too', () => {
    always(({ low }) => expect(mmioSpteAccess(low)).toBe(6));
  });

  it('is known as one', () => {
    always(({ low, high }) => expect(isMmioSpte(low, high)).toBe(true));
  });

  it('is present for hardware and not for the MMU', () => {
    always(({ low }) => {
      expect([low & PT_PRESENT_MASK, isShadowPresent(low)]).toEqual([PT_PRESENT_MASK, false]);
    });
  });

  it('has bit 51 set, which is reserved, and bit 63 clear', () => {
    always((spte) => expect((value(spte) >> 51n) & 0x1001n).toBe(1n));
  });

  it('leads to no table', () => {
    always(({ low }) => expect(leadsToTable(low)).toBe(false));
  });

  it('is not frozen', () => {
    always(({ low, high }) => expect(isFrozen(low, high)).toBe(false));
  });

  it('is legal at level 1', () => {
    always((spte) => expect(illegalState(spte, 1)).toBeUndefined());
  });

  it('is not legal above', () => {
    always((spte) => expect(illegalState(spte, 2)).toBe('MMIO above level 1'));
  });

  it('with the MMU-present bit is named so', () => {
    const { low, high } = makeMmioSpte(1, gfnOf(3));
    expect(illegalState({ low: low | SPTE_MMU_PRESENT_MASK, high }, 1)).toBe(
      'MMU-present with a reserved bit',
    );
  });

  it('with bit 63 is named so', () => {
    const { low, high } = makeMmioSpte(1, gfnOf(3));
    expect(illegalState({ low, high: high | (1 << 31) }, 1)).toBe('MMIO with bit 63');
  });

  it('reads as one in a message', () => {
    expect(formatSpte(makeMmioSpte(4, gfnOf(0xd0010)))).toBe('0x80000d0010027 MMIO');
  });
});

describe('what is no MMIO spte', () => {
  it.each([
    ['nothing', SHADOW_NONPRESENT],
    ['a frozen entry', FROZEN_SPTE],
    ['a leaf', makeSpte(5 as never, true)],
    ['the leaf of the highest pfn that a host has', makeSpte((2 ** 24 - 1) as never, true)],
    ['a reserved bit without P', { low: 0, high: 1 << 19 }],
  ])('is %s', (_, { low, high }) => {
    expect(isMmioSpte(low, high)).toBe(false);
  });
});
