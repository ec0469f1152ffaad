import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { newOutcomes } from './compare-models.ts';
import { findFences } from './fences.ts';
import type { Program } from './program.ts';
import type { Verdict } from './verdict.ts';

const X = 64;
const Y = 128;
const Z = 192;

/** Store buffering in which left stores twice before it loads: a fence after the second store drains both. */
const twice: Program = {
  name: 'twice',
  threads: {
    left: (mem) => {
      mem.storePlain32(X, 1);
      mem.storePlain32(Z, 1);
      return mem.load32(Y);
    },
    right: (mem) => {
      mem.storePlain32(Y, 1);
      return mem.load32(X);
    },
  },
  observe: (_, { left, right }) => [left, right],
};
const sc = check(twice, { symmetry: false });
const isClosed = (verdict: Verdict): boolean =>
  verdict.verdict === 'holds' && newOutcomes(twice, verdict, sc).length === 0;

describe('fences that take away what store buffers add', () => {
  it('are as few as can be', () => {
    const { places = [], stopped } = findFences(twice, isClosed);
    expect([places.map(({ function: name }) => name), stopped]).toEqual([
      ['left', 'right'],
      undefined,
    ]);
  });

  it('are all where no fewer do', () => {
    let asked = 0;
    const closesWithAll = (): boolean => ++asked === 1;
    expect(findFences(twice, closesWithAll).places).toHaveLength(3);
  });

  it('are none where a property fails without buffers, too', () => {
    const bad: Program = { ...twice, finally: { never: () => false } };
    const { places } = findFences(bad, ({ verdict }) => verdict === 'holds');
    expect(places).toBeUndefined();
  });

  it('are told to be unknown when the budget ends', () => {
    const found = findFences(twice, isClosed, { budget: { states: 5 } });
    expect(found).toEqual({ places: undefined, stopped: '5 states' });
  });
});
