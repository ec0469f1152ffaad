import { PAGE_WORDS } from '@faultline/mmu';
import { describe, expect, it } from 'vitest';
import { type Guest, LostWrite } from './guest.ts';
import { keyValue } from './key-value.ts';

const REGION = { slot: 0, gfn: 0x1000, npages: 2, hvn: 5 };

/** A guest over plain words, whose stores and loads a test may bend. */
function plainGuest(words: Int32Array, { id = 0, vcpus = 1 } = {}): Guest {
  const at = (gfn: number, word: number): number => (gfn - REGION.gfn) * PAGE_WORDS + word;
  return {
    id,
    vcpus,
    regions: [REGION],
    load: (gfn: number, word: number) => words[at(gfn, word)],
    put: (gfn: number, _hvn: number, word: number, value: number) => {
      words[at(gfn, word)] = value;
    },
  } as unknown as Guest;
}

const makeWords = (): Int32Array => new Int32Array(REGION.npages * PAGE_WORDS);

describe('a key-value store in guest memory', () => {
  it('finds all that it put, for as long as its memory stands still', () => {
    const program = keyValue(plainGuest(makeWords()));
    program.run(5000);
    expect(() => program.finish?.()).not.toThrow();
  });

  it('writes no word of another vCPU', () => {
    const words = makeWords();
    const program = keyValue(plainGuest(words, { id: 1, vcpus: 3 }));
    program.run(2000);
    const strangers = words.filter((value, word) => value !== 0 && (word % PAGE_WORDS) % 3 !== 1);
    expect(words.some((value) => value !== 0)).toBe(true);
    expect(strangers).toHaveLength(0);
  });

  it('tells a word that was lost, whichever it is', () => {
    const words = makeWords();
    const program = keyValue(plainGuest(words));
    program.run(3000);
    const missed = [...words.keys()].filter((word) => {
      const value = words[word] as number;
      if (value === 0) return false;
      words[word] = 0;
      const told = isToldBy(() => program.finish?.());
      words[word] = value;
      return !told;
    });
    expect(missed).toEqual([]);
  });

  it('tells a record that it never wrote', () => {
    const words = makeWords();
    const program = keyValue(plainGuest(words));
    program.run(100);
    words[words.indexOf(0)] = 77;
    expect(() => program.finish?.()).toThrow(LostWrite);
  });

  it('goes on reading in the middle of a run, and tells then too', () => {
    const words = makeWords();
    const program = keyValue(plainGuest(words));
    program.run(3000);
    words.fill(0);
    expect(() => program.run(1000)).toThrow(/vCPU 0 key-value record \d+, gfn 0x100[01]: expected/);
  });
});

function isToldBy(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    return error instanceof LostWrite;
  }
}
