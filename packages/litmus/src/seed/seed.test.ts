import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { SEED } from './index.ts';

const RUNS = SEED.flatMap((litmus) =>
  (litmus.models ?? (['sc'] as const)).map((model) => ({ ...litmus, model })),
);
const runsThat = (result: 'Never' | 'Sometimes') => RUNS.filter((run) => run.result === result);

/** States and distinct ends, as first measured. The ends are the program's own; the states also depend on the search. */
const GOLDEN: Readonly<Record<string, readonly [states: number, ends: number]>> = {
  'seed-model sc': [203, 2],
  'ksm-merge sc': [55_066, 10],
  'slow-path-order sc': [20_796, 14],
  'mark-dirty-after-cmpxchg sc': [245_280, 36],
  'one-log-word-two-vcpus sc': [9, 1],
  'one-log-word-harvest sc': [1_966, 7],
  'first-touch-two-vcpus sc': [25_748, 8],
  'slot-deletion sc': [231_948, 32],
  'sketch-mark-last sc': [1_904, 7],
  'aba-direct sc': [8_817, 15],
  'page-moves-near sc': [9_407, 16],
  'page-moves-far sc': [9_407, 16],
  'lost-dirty-bit sc': [23, 2],
  'planted-id sc': [282, 3],
  'planted-id tso': [1_261, 3],
  'planted-id-zap sc': [14, 1],
};

describe('what never happens', () => {
  it.each(runsThat('Never'))('$name, $model', ({ name, model, program }) => {
    const { verdict, violation, states, ends } = check(program(), { model });
    expect({ verdict, violation }).toEqual({ verdict: 'holds' });
    expect([states, ends.length]).toEqual(GOLDEN[`${name} ${model}`]);
  });
});

describe('what sometimes happens', () => {
  it.each(runsThat('Sometimes'))('$name, $model', ({ model, violates, program }) => {
    expect(check(program(), { model })).toMatchObject({
      verdict: 'violated',
      violation: { property: violates },
    });
  });
});

describe('every litmus', () => {
  it.each([...SEED])('$name is called as its program', ({ name, program }) => {
    expect(program().name).toBe(name);
  });

  it.each(SEED.filter(({ result }) => result === 'Never'))(
    '$name says what danger it meets',
    ({ program }) => {
      expect(Object.keys(program().sometimes ?? {})).not.toEqual([]);
    },
  );

  it.each(SEED.filter(({ pair }) => pair !== undefined))('$name has a pair', ({ pair, result }) => {
    const other = SEED.find(({ name }) => name === pair);
    expect(other?.result).not.toBe(result);
  });
});
