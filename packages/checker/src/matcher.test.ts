import { describe, expect, it } from 'vitest';
import { assertHolds, CheckError, type CheckerMatchers, checkerMatchers } from './matcher.ts';
import type { Program } from './program.ts';

expect.extend({ ...checkerMatchers });

type Matchers<Result> = {
  [Name in keyof CheckerMatchers]: (
    ...options: Parameters<CheckerMatchers[Name]> extends [unknown, ...infer Rest] ? Rest : never
  ) => Result;
};
declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: as vitest declares it.
  interface Matchers<T = any> extends CheckedBy<T> {}
}
type CheckedBy<Result> = Matchers<Result>;

const COUNTER = 0;

function twoIncrements(increment: Program['threads'][string]): Program {
  return {
    name: 'two increments',
    threads: { left: increment, right: increment },
    words: [{ name: 'counter', address: COUNTER }],
    finally: { 'no increment is lost': (mem) => mem.load32(COUNTER) === 2 },
  };
}

const inOneStep = twoIncrements((mem) => {
  mem.add32(COUNTER, 1);
});
const inTwoSteps = twoIncrements((mem) => {
  mem.store32(COUNTER, mem.load32(COUNTER) + 1);
});

/** A claim that is missing: the search cannot end. */
const spins: Program = {
  name: 'spins',
  threads: {
    one(mem) {
      while (mem.load32(COUNTER) === 0);
    },
    other(mem) {
      mem.store32(COUNTER, 1);
    },
  },
};

describe('A program that holds', () => {
  it('is expected to', () => {
    expect(inOneStep).toHold();
    expect(inOneStep).not.toBeViolated();
  });

  it('is asserted, and its verdict handed back', () => {
    expect(assertHolds(inOneStep)).toMatchObject({ verdict: 'holds' });
  });

  it('fails a test that expects it not to, with what was explored', () => {
    expect(() => expect(inOneStep).toBeViolated('no increment is lost')).toThrow(
      /^expected two increments to be violated: no increment is lost, got\ntwo increments: holds\n {2}explored/,
    );
  });
});

describe('A program that is violated', () => {
  it('is expected to be, by property or by fault', () => {
    expect(inTwoSteps).toBeViolated();
    expect(inTwoSteps).toBeViolated('no increment is lost');
    expect(inTwoSteps).toBeViolated('finally', { search: 'dpor' });
    expect(inTwoSteps).not.toBeViolated('deadlock');
    expect(inTwoSteps).not.toHold();
  });

  it('throws an AssertionError whose message is the drawing', () => {
    expect(() => assertHolds(inTwoSteps)).toThrow(CheckError);
    expect(() => assertHolds(inTwoSteps)).toThrow(
      /no increment is lost[\s\S]*left[\s\S]*right[\s\S]*OOPS!!!/,
    );
    expect(() => expect(inTwoSteps).toHold()).toThrow('OOPS!!!');
  });

  it('carries the verdict, for programs', () => {
    const error = caught(() => assertHolds(inTwoSteps));
    expect(error).toMatchObject({
      name: 'AssertionError',
      code: 'ERR_ASSERTION',
      verdict: { violation: { fault: 'finally', property: 'no increment is lost' } },
    });
  });
});

describe('A search that does not end', () => {
  it('is no pass and no violation', () => {
    const options = { budget: { operations: 50 } };
    expect(spins).not.toHold(options);
    expect(spins).not.toBeViolated(undefined, options);
    expect(() => assertHolds(spins, options)).toThrow(/the budget ended/);
  });
});

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
