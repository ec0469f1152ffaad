import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneThread } from '../../test/fixture.ts';
import { Guest, LostWrite } from './guest.ts';

const PAGE_WORDS = 1024;

/** What vCPU `id` of `vcpus` says about words; its memory is never touched. */
const guestOf = (id: number, vcpus: number): Guest =>
  new Guest({} as never, { vm: { vcpus } } as never, { id } as never, []);

describe('the words of a page among the vCPUs', () => {
  it.each([1, 2, 3, 5, 7, 63, 64])('have exactly one owner each, with %i of them', (vcpus) => {
    const owners = new Array<number>(PAGE_WORDS).fill(0);
    for (let id = 0; id < vcpus; id++) {
      const guest = guestOf(id, vcpus);
      for (let word = 0; word < PAGE_WORDS; word++) {
        if (guest.ownWord(word) === word) owners[word] = (owners[word] ?? 0) + 1;
      }
    }
    expect(owners).toEqual(new Array(PAGE_WORDS).fill(1));
  });

  it('are found from any word: one of the page, at most vcpus away', () => {
    const anything = fc.tuple(
      fc.integer({ min: 1, max: 64 }),
      fc.nat({ max: 63 }),
      fc.nat({ max: PAGE_WORDS - 1 }),
    );
    fc.assert(
      fc.property(anything, ([vcpus, n, word]) => {
        const guest = guestOf(n % vcpus, vcpus);
        const own = guest.ownWord(word);
        expect(own).toBeGreaterThanOrEqual(0);
        expect(own).toBeLessThan(PAGE_WORDS);
        expect(Math.abs(own - word)).toBeLessThan(vcpus);
        expect(guest.ownWord(own)).toBe(own);
      }),
    );
  });
});

describe('a guest that reads back its own words', () => {
  it('finds what it wrote', () => {
    const bench = oneThread(4);
    bench.write(1, 77, 5);
    expect(bench.read(1, 5)).toBe(77);
  });

  it('finds a word that changed behind its back, and says who, where, and both values', () => {
    const { machine, region, mem } = oneThread(4);
    const vcpu = { id: 0 } as never;
    const guest = new (class extends Guest {
      override load(): number {
        return 0xbad;
      }
    })(mem, machine, vcpu, [region]);
    expect(() => guest.check(0x101, 1, 5)).toThrow(
      new LostWrite('vCPU 0 gfn 0x101 word 5: expected 0x0, which it wrote last, got 0xbad'),
    );
  });

  it('keeps no account of a store that found no memory', () => {
    const bench = oneThread(4);
    bench.write(4, 1);
    expect(bench.machine.ledger.some((word) => word !== 0)).toBe(false);
  });
});
