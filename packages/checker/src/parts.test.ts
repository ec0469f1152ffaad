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
const Z = 256;

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

  it('joins the ends of parts that come across different words', () => {
    // Only where b is first does a touch z.
    const differing: Program = {
      name: 'differing',
      threads: {
        a: (mem) => {
          if (mem.load32(X) === 1) mem.store32(Z, 7);
          return mem.xchg32(Y, 2);
        },
        b: (mem) => {
          mem.store32(X, 1);
          mem.store32(Y, 1);
        },
      },
      setup: (mem) => mem.store32(Z, 3),
      words: [{ name: 'a z', address: Z }],
    };
    const parts = partsOf(differing, 1).map((part) => checkPart(differing, part));
    expect(new Set(parts.map(({ words }) => words.length)).size).toBe(2);
    const { ends, certificate } = check(differing, { search: 'dpor' });
    const joined = joinParts(differing, parts);
    expect([joined.ends, joined.certificate]).toEqual([ends, certificate]);
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

  it('says that something is never met only when it has ended', () => {
    const never: Program = { ...program, sometimes: { 'y is 77': (mem) => mem.load32(Y) === 77 } };
    const verdicts: string[] = [];
    for (let from: Checkpoint | undefined; ; ) {
      const { verdict, checkpoint } = checkFrom(never, from, { budget: { executions: 7 } });
      verdicts.push(verdict.verdict);
      if (checkpoint === undefined) {
        expect(verdict.violation).toEqual({ fault: 'sometimes', property: 'y is 77' });
        break;
      }
      from = checkpoint;
    }
    expect(new Set(verdicts.slice(0, -1))).toEqual(new Set(['budget']));
  });

  it('loses nothing when the time is up in the middle of a step, or before it is back', () => {
    let checkpoint: Checkpoint | undefined;
    let runs = 0;
    // From the time on that this returns, the time is up: each sitting learns a little more before.
    const slow: Program = {
      ...program,
      threads: Object.fromEntries(
        Object.entries(program.threads as Record<string, Body>).map(([name, body]) => [
          name,
          (mem) => {
            const until = performance.now() + 0.2;
            while (performance.now() < until);
            runs++;
            return body(mem);
          },
        ]),
      ),
    };
    for (let ms = 1; ; ms++) {
      const found = checkFrom(slow, checkpoint, { budget: { ms } });
      checkpoint = found.checkpoint && JSON.parse(JSON.stringify(found.checkpoint));
      if (checkpoint !== undefined) continue;
      expect([found.verdict.verdict, found.verdict.certificate]).toEqual([
        whole.verdict,
        whole.certificate,
      ]);
      break;
    }
    expect(runs).toBeGreaterThan(0);
  });

  it('refuses a position that the program cannot take', () => {
    const { checkpoint } = checkFrom(program, undefined, { budget: { executions: 3 } });
    const [first, ...rest] = (checkpoint as Checkpoint).position;
    const position = [first, first, first, ...rest] as Checkpoint['position'];
    expect(() => checkFrom(program, { ...(checkpoint as Checkpoint), position })).toThrow(
      /expected a position in this program, got one whose step \d+ it cannot take/,
    );
  });

  it('refuses to go on with another program', () => {
    const { checkpoint } = checkFrom(program, undefined, { budget: { executions: 1 } });
    const other = { ...program, name: 'four' };
    expect(() => checkFrom(other, checkpoint)).toThrow(
      /expected a checkpoint of four .*, got one of three/,
    );
  });
});
