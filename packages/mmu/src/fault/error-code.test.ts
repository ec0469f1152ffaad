import { describe, expect, it } from 'vitest';
import {
  formatErrorCode,
  isReservedFault,
  isWriteFault,
  PFERR_FETCH_MASK,
  PFERR_GUEST_FINAL_MASK,
  PFERR_GUEST_PAGE_MASK,
  PFERR_PK_MASK,
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  pageFaultCanBeFast,
} from './error-code.ts';

const BITS = [
  PFERR_PRESENT_MASK,
  PFERR_WRITE_MASK,
  PFERR_USER_MASK,
  PFERR_RSVD_MASK,
  PFERR_FETCH_MASK,
  PFERR_PK_MASK,
  PFERR_GUEST_FINAL_MASK,
  PFERR_GUEST_PAGE_MASK,
];
const CODES = Array.from({ length: 2 ** BITS.length }, (_, chosen) =>
  BITS.reduce((code, bit, n) => (chosen & (1 << n) ? code + bit : code), 0),
);
const has = (code: number, bit: number): boolean => Math.floor(code / bit) % 2 === 1;

describe('every error code that hardware can report', () => {
  it('has each bit where KVM has it', () => {
    expect(BITS.map(Math.log2)).toEqual([0, 1, 2, 3, 4, 5, 32, 33]);
  });

  it('may be fast if it is a write, with every level present and no reserved bit, and only then', () => {
    const wrong = CODES.filter((code) => {
      const rule =
        has(code, PFERR_WRITE_MASK) && has(code, PFERR_PRESENT_MASK) && !has(code, PFERR_RSVD_MASK);
      return pageFaultCanBeFast(code) !== rule;
    });
    expect(wrong).toEqual([]);
  });

  it('is a write exactly if its bit says so', () => {
    expect(CODES.filter((code) => isWriteFault(code) !== has(code, PFERR_WRITE_MASK))).toEqual([]);
  });

  it('met a reserved bit exactly if its bit says so, whatever P says', () => {
    expect(CODES.filter((code) => isReservedFault(code) !== has(code, PFERR_RSVD_MASK))).toEqual(
      [],
    );
  });

  it('is printed so that no two look alike', () => {
    expect(new Set(CODES.map(formatErrorCode)).size).toBe(CODES.length);
  });
});

describe('an error code in a message', () => {
  it.each([
    [7 + PFERR_GUEST_FINAL_MASK, 'P|W|U|0x100000000'],
    [4 + PFERR_GUEST_PAGE_MASK, 'U|0x200000000'],
    [0x1f, 'P|W|U|RSVD|F'],
    [0x2b + PFERR_GUEST_FINAL_MASK, 'P|W|RSVD|0x100000020'],
    [0, ''],
  ])('%i reads "%s", as in the kernel\'s trace', (code, text) => {
    expect(formatErrorCode(code)).toBe(text);
  });
});
