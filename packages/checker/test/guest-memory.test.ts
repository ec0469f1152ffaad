// What a guest's instructions do to its memory, in a search.
import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import type { Body } from '../src/program.ts';

const WORD = 3;
const verdictOf = (body: Body, holds: (mem: Shared) => boolean): string =>
  check({
    name: 'guest memory',
    threads: { one: body, other: body },
    finally: { 'nothing is lost': holds },
  }).verdict;
const isTwo = (mem: Shared): boolean => mem.guestLoad(WORD) === 2;

describe('two vCPUs that count in one word of guest memory', () => {
  it('lose nothing by guestAdd32', () => {
    expect(verdictOf((mem) => mem.guestAdd32(WORD, 1), isTwo)).toBe('holds');
  });

  it('lose nothing by guestCmpxchg32, tried until it wins', () => {
    const body: Body = (mem) => {
      for (;;) {
        const found = mem.guestLoad(WORD);
        if (mem.guestCmpxchg32(WORD, found, found + 1) === found) return;
        mem.again();
      }
    };
    expect(verdictOf(body, isTwo)).toBe('holds');
  });

  it('lose a count by a load and a store', () => {
    const body: Body = (mem) => mem.guestStore(WORD, mem.guestLoad(WORD) + 1);
    expect(verdictOf(body, isTwo)).toBe('violated');
  });

  it('see what the other set by guestOr32, guestAnd32 and guestXchg32', () => {
    const body: Body = (mem) => {
      mem.guestOr32(WORD, 6);
      mem.guestAnd32(WORD, ~4);
      return mem.guestXchg32(WORD + 1, mem.guestLoad(WORD));
    };
    expect(verdictOf(body, (mem) => mem.guestLoad(WORD) === 2)).toBe('holds');
  });
});

describe('a byte or a halfword of guest memory', () => {
  it.each(['guestLoad8', 'guestLoad16'] as const)('is refused by the checker: %s', (verb) => {
    const body: Body = (mem) => mem[verb](2 * WORD);
    expect(() => verdictOf(body, () => true)).toThrow(
      `expected guest memory in words of 32 bits, got ${verb}(0x6): the checker knows no bytes or halfwords of it`,
    );
  });

  it('is refused when it is stored too', () => {
    const body: Body = (mem) => mem.guestStore8(WORD, 1);
    expect(() => verdictOf(body, () => true)).toThrow('expected guest memory in words of 32 bits');
  });
});
