import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import {
  type Checkpoint,
  checkFrom,
  checkPart,
  joinParts,
  looksFurther,
  type Part,
  partsOf,
} from './parts.ts';
import type { Body, Program } from './program.ts';

const LOCK = 64;
const X = 128;
const Y = 192;

const locked =
  (word: number): Body =>
  (mem) => {
    mem.lock(LOCK);
    mem.store32(word, mem.load32(X) + mem.load32(Y) + 1);
    mem.unlock(LOCK);
    mem.cmpxchg32(X, 1, 5);
  };
const program: Program = {
  name: 'three',
  threads: { a: locked(X), b: locked(Y), c: locked(X) },
  // Looks at y only where x is 5: nobody knows of that at the beginning.
  sometimes: { 'both moved': (mem) => mem.load32(X) === 5 && mem.load32(Y) > 1 },
};

describe('a search cut into parts', () => {
  const whole = check(program, { search: 'dpor' });

  function cutAndJoin(depth: number) {
    let parts = partsOf(program, depth);
    for (;;) {
      const found = parts.map((part) => checkPart(program, part));
      const further = found.find((verdict, index) => looksFurther(parts[index] as Part, verdict));
      if (further === undefined) return { parts: parts.length, verdict: joinParts(program, found) };
      parts = partsOf(program, depth, {}, further.watched);
    }
  }

  it.each([0, 1, 3, 6, 100])('at %i operations finds the ends of the whole', (depth) => {
    const { certificate, verdict } = cutAndJoin(depth).verdict;
    expect([verdict, certificate]).toEqual([whole.verdict, whole.certificate]);
  });

  it('has more parts the deeper it is cut', () => {
    expect(cutAndJoin(6).parts).toBeGreaterThan(cutAndJoin(1).parts);
  });

  it('tells of a violation in any of them', () => {
    const bad: Program = { ...program, always: { 'x is small': (mem) => mem.load32(X) < 4 } };
    const parts = partsOf(bad, 4);
    const verdict = joinParts(
      bad,
      parts.map((part) => checkPart(bad, part)),
    );
    expect(verdict.violation).toMatchObject({ fault: 'always', property: 'x is small' });
  });
});

describe('a search that is stopped and goes on', () => {
  const whole = check(program, { search: 'dpor' });

  it('finds in pieces what it finds in one', () => {
    let pieces = 0;
    let checkpoint: Checkpoint | undefined;
    let found = checkFrom(program, checkpoint, { budget: { executions: 7 } });
    for (; found.checkpoint !== undefined; pieces++) {
      checkpoint = JSON.parse(JSON.stringify(found.checkpoint)) as Checkpoint;
      found = checkFrom(program, checkpoint, { budget: { executions: 7 } });
    }
    const { verdict, certificate, executions } = found.verdict;
    expect(pieces).toBeGreaterThan(3);
    expect([verdict, certificate, executions]).toEqual([
      whole.verdict,
      whole.certificate,
      whole.executions,
    ]);
  });

  it('refuses to go on with another program', () => {
    const { checkpoint } = checkFrom(program, undefined, { budget: { executions: 1 } });
    const other = { ...program, name: 'four' };
    expect(() => checkFrom(other, checkpoint)).toThrow(
      /expected a checkpoint of four .*, got one of three/,
    );
  });
});
