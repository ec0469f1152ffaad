import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { SEED } from './index.ts';

const RUNS = SEED.flatMap((litmus) =>
  (litmus.models ?? (['sc'] as const)).map((model) => ({ ...litmus, model })),
);
const runsThat = (result: 'Never' | 'Sometimes') => RUNS.filter((run) => run.result === result);

describe('what never happens', () => {
  it.each(runsThat('Never'))('$name, $model', ({ model, program }) => {
    const { verdict, violation, states, ends } = check(program(), { model });
    expect({ verdict, violation }).toEqual({ verdict: 'holds' });
    // Pinned. The ends are the program's own; the states also depend on the search.
    expect({ states, ends: ends.length }).toMatchSnapshot();
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
