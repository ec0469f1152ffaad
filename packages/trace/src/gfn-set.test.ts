import { describe, expect, it } from 'vitest';
import { GfnSet } from './gfn-set.ts';

describe('a set of gfns', () => {
  it('gives back what was added once, ascending', () => {
    const set = new GfnSet([2 ** 40, 31, 32, 0, 31]);
    expect([...set]).toEqual([0, 31, 32, 2 ** 40]);
    expect(set.size).toBe(4);
  });

  it('says whether a gfn is new', () => {
    const set = new GfnSet();
    expect([set.add(63), set.add(63), set.has(63), set.has(62), set.has(2 ** 30)]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it('is empty after it was cleared', () => {
    const set = new GfnSet([7]);
    set.clear();
    expect([set.size, set.has(7), [...set]]).toEqual([0, false, []]);
  });
});
