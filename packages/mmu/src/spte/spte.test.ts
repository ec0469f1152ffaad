import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pfn } from '../address.ts';
import type { Spte } from '../event.ts';
import { markForAccessTrack } from './acc-track.ts';
import { makeNonleafSpte, makeSpte } from './make-spte.ts';
import {
  FROZEN_SPTE,
  formatSpte,
  hasVolatileBits,
  illegalState,
  isFrozen,
  isHostWritable,
  isLastSpte,
  isMmuWritable,
  isShadowPresent,
  isWritable,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  PT_PAGE_SIZE_MASK,
  PT_PRESENT_MASK,
  PT_USER_MASK,
  PT_WRITABLE_MASK,
  pfnToSpte,
  SHADOW_NONPRESENT,
  SPTE_HOST_WRITABLE,
  SPTE_MMU_PRESENT_MASK,
  SPTE_MMU_WRITABLE,
  SPTE_TDP_AD_DISABLED,
  spteToPfn,
} from './spte.ts';

const MASKS = {
  PT_PRESENT_MASK,
  PT_WRITABLE_MASK,
  PT_USER_MASK,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  PT_PAGE_SIZE_MASK,
  SPTE_HOST_WRITABLE,
  SPTE_MMU_WRITABLE,
  SPTE_MMU_PRESENT_MASK,
};

const value = ({ low, high }: Spte): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
const halves = (spte: bigint): Spte => ({
  low: Number(BigInt.asIntN(32, spte)),
  high: Number(BigInt.asIntN(32, spte >> 32n)),
});

const PFN = 0x10_2276 as Pfn;
/** What KVM 6.12 prints for the pages of traces/k6.12-tdp-ksm-race.txt.gz. */
const WRITABLE = halves(0x1_0227_6e67n);
const WRITE_PROTECTED = halves(0x1_0227_6e65n);
const READ_ONLY = halves(0x1_0227_6825n);

describe('the bits of an spte', () => {
  it('are disjoint', () => {
    const all = Object.values(MASKS);
    expect(all.reduce((sum, mask) => sum + mask)).toBe(all.reduce((bits, mask) => bits | mask));
  });

  it.each([
    ['PT_PRESENT_MASK', 0],
    ['PT_WRITABLE_MASK', 1],
    ['PT_USER_MASK', 2],
    ['PT_ACCESSED_MASK', 5],
    ['PT_DIRTY_MASK', 6],
    ['PT_PAGE_SIZE_MASK', 7],
    ['SPTE_HOST_WRITABLE', 9],
    ['SPTE_MMU_WRITABLE', 10],
    ['SPTE_MMU_PRESENT_MASK', 11],
  ] as const)('put %s at bit %i, where KVM has it', (name, bit) => {
    expect(MASKS[name]).toBe(2 ** bit);
  });

  it('leave the pfn alone', () => {
    const flags = Object.values(MASKS).reduce((bits, mask) => bits | mask);
    expect(flags & pfnToSpte(-1 >>> 0).low).toBe(0);
  });
});

describe('a leaf', () => {
  const LEGAL = ['111', '110', '100', '000'];
  const STATES = Array.from({ length: 8 }, (_, bits) => bits.toString(2).padStart(3, '0'));
  const leaf = (state: string): number => {
    const bits = [SPTE_HOST_WRITABLE, SPTE_MMU_WRITABLE, PT_WRITABLE_MASK];
    return bits.reduce((low, bit, n) => (state[n] === '1' ? low | bit : low), READ_ONLY.low);
  };

  it.each(STATES)('with (HOST_WRITABLE, MMU_WRITABLE, W) = %s is as the table says', (state) => {
    expect(illegalState({ low: leaf(state), high: 0 }, 1) === undefined).toBe(
      LEGAL.includes(state),
    );
  });

  it('with MMU_WRITABLE but not HOST_WRITABLE is named so', () => {
    expect(illegalState({ low: leaf('010'), high: 0 }, 1)).toBe(
      'MMU_WRITABLE without HOST_WRITABLE',
    );
  });

  it('with W but not MMU_WRITABLE is named so', () => {
    expect(illegalState({ low: leaf('101'), high: 0 }, 1)).toBe('W without MMU_WRITABLE');
  });

  it('that software calls present and hardware does not is named so', () => {
    expect(illegalState({ ...WRITABLE, low: WRITABLE.low & ~PT_PRESENT_MASK }, 1)).toBe(
      'MMU-present but not present',
    );
  });

  it('above level 1 is judged by the same table', () => {
    expect(illegalState({ low: leaf('101') | PT_PAGE_SIZE_MASK, high: 0 }, 2)).toBe(
      'W without MMU_WRITABLE',
    );
  });

  const volatile = (low: (state: string) => number, high = 0) =>
    LEGAL.filter((state) => hasVolatileBits(low(state), high));

  it('that is accessed and dirty can change under a writer of mmu_lock only to writable', () => {
    expect(volatile((state) => leaf(state) | PT_DIRTY_MASK)).toEqual(['110']);
  });

  it('that is accessed and clean can change also where hardware may set D', () => {
    expect(volatile(leaf)).toEqual(['111', '110']);
  });

  it('that is not accessed can always change', () => {
    expect(volatile((state) => (leaf(state) | PT_DIRTY_MASK) & ~PT_ACCESSED_MASK)).toEqual(LEGAL);
  });

  it('without A and D can change only to writable', () => {
    expect(volatile(leaf, SPTE_TDP_AD_DISABLED)).toEqual(['110']);
  });

  it('that is access-tracked can change', () => {
    const { low, high } = markForAccessTrack({ low: leaf('000'), high: SPTE_TDP_AD_DISABLED });
    expect(hasVolatileBits(low, high)).toBe(true);
  });
});

describe('an entry that leads to a table', () => {
  it('may carry W without MMU_WRITABLE', () => {
    expect(illegalState(makeNonleafSpte(5), 2)).toBeUndefined();
  });

  it('is not the last one', () => {
    expect(isLastSpte(makeNonleafSpte(5).low, 2)).toBe(false);
  });

  it('is the last one at level 1, or with the page-size bit', () => {
    expect([isLastSpte(WRITABLE.low, 1), isLastSpte(PT_PAGE_SIZE_MASK, 2)]).toEqual([true, true]);
  });
});

describe('an entry that is not present', () => {
  it.each([
    ['non-present', SHADOW_NONPRESENT],
    ['frozen', FROZEN_SPTE],
  ])('(%s) is legal', (_, spte) => {
    expect(illegalState(spte, 1)).toBeUndefined();
  });

  it.each([
    ['non-present', SHADOW_NONPRESENT],
    ['frozen', FROZEN_SPTE],
  ])('(%s) grants nothing', (_, { low }) => {
    const rights = [isShadowPresent, isWritable, isMmuWritable, isHostWritable];
    // FROZEN carries bits 8 and 10 among others: its readers ask for MMU_PRESENT first.
    expect(isShadowPresent(low) && rights.some((right) => right(low))).toBe(false);
  });

  it('with other bits set is named so', () => {
    expect(illegalState({ low: PT_WRITABLE_MASK, high: 0 }, 1)).toBe('stray bits');
  });

  it('is frozen only if all 64 bits say so', () => {
    expect([isFrozen(0x5a0, 1 << 31), isFrozen(0x5a0, 0), isFrozen(0, 1 << 31)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('the values that KVM prints', () => {
  it('for a writable leaf end in e67', () => {
    expect(value(makeSpte(PFN, true))).toBe(value(WRITABLE));
  });

  it('for a leaf write-protected by a harvest end in e65', () => {
    const { low, high } = makeSpte(PFN, true);
    expect(value({ low: low & ~PT_WRITABLE_MASK, high })).toBe(value(WRITE_PROTECTED));
  });

  it('for a page that the host holds read-only end in 825', () => {
    expect(value(makeSpte(PFN, false))).toBe(value(READ_ONLY));
  });

  it('for an entry that leads to a table end in 827', () => {
    expect(value(makeNonleafSpte(0x1234))).toBe(0x123_4827n);
  });

  it('for no entry are 1 << 63', () => {
    expect(value(SHADOW_NONPRESENT)).toBe(0x8000_0000_0000_0000n);
  });

  it('for a frozen entry are 1 << 63 and 0x5a0', () => {
    expect(value(FROZEN_SPTE)).toBe(0x8000_0000_0000_05a0n);
  });
});

describe('the pfn of an spte', () => {
  const pfns = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 24 }),
    fc.double({ min: 2 ** 20, max: 2 ** 40 - 1, noNaN: true }).map(Math.floor),
  );

  it('comes back from its bits, also above 2^20', () => {
    fc.assert(
      fc.property(pfns, (pfn) => {
        const { low, high } = pfnToSpte(pfn);
        expect(spteToPfn(low, high)).toBe(pfn);
      }),
    );
  });

  it('lies in bits 12 to 51', () => {
    fc.assert(
      fc.property(pfns, (pfn) => {
        expect(value(pfnToSpte(pfn))).toBe(BigInt(pfn) << 12n);
      }),
    );
  });

  it('is not disturbed by flags, nor by NX', () => {
    fc.assert(
      fc.property(pfns, (pfn) => {
        const { low, high } = makeSpte(pfn as Pfn, true);
        expect(spteToPfn(low, high | (1 << 31))).toBe(pfn);
      }),
    );
  });
});

describe('an spte in a message', () => {
  it.each([
    [WRITABLE, '0x102276e67 [P W U A D H M *]'],
    [WRITE_PROTECTED, '0x102276e65 [P U A D H M *]'],
    [READ_ONLY, '0x102276825 [P U A *]'],
    [SHADOW_NONPRESENT, '0x8000000000000000 []'],
    [FROZEN_SPTE, 'frozen'],
    [{ low: 0, high: 0 }, '0x0 []'],
  ])('%o reads %s', (spte, text) => {
    expect(formatSpte(spte)).toBe(text);
  });
});
