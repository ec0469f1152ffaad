import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageSet } from './page-set.ts';

const PAGES = 100;
const someHvns = fc.uniqueArray(fc.nat({ max: PAGES - 1 }));

const setOf = (hvns: readonly number[]): PageSet => {
  const set = new PageSet(PAGES);
  for (const hvn of hvns) set.add(hvn);
  return set;
};

describe('a set of pages', () => {
  it('has a next page from any page on, or none', () => {
    fc.assert(
      fc.property(someHvns, fc.nat({ max: PAGES + 40 }), (hvns, from) => {
        const expected = hvns.toSorted((a, b) => a - b).find((hvn) => hvn >= from);
        expect(setOf(hvns).next(from)).toBe(expected);
      }),
    );
  });

  it('is the sum of its runs, which are apart and in order', () => {
    fc.assert(
      fc.property(someHvns, fc.integer({ min: 1, max: 5 }), (hvns, most) => {
        const chunks = [...setOf(hvns).runs(most)];
        const pages: number[] = [];
        for (const chunk of chunks) {
          expect(chunk.length).toBeLessThanOrEqual(2 * most);
          for (let run = 0; run < chunk.length; run += 2) {
            const [hvn = 0, npages = 0] = chunk.slice(run, run + 2);
            for (let page = hvn; page < hvn + npages; page++) pages.push(page);
          }
        }
        expect(pages).toEqual(hvns.toSorted((a, b) => a - b));
      }),
    );
  });
});
