// Programs of a few steps, for what the command makes of them.
import type { Program } from '@faultline/checker';
import type { Settings } from '../src/check/settings.ts';
import { PLAIN } from '../src/check/settings.ts';
import type { Subject } from '../src/check/subject.ts';

const X = 0;
const Y = 4;

/** Two threads that add one each in two steps: the smallest race. */
export const lostIncrement: Program = {
  name: 'lost-increment',
  threads: {
    first: (mem) => mem.store32(X, mem.load32(X) + 1),
    second: (mem) => mem.store32(X, mem.load32(X) + 1),
  },
  finally: { 'both count': (mem) => mem.load32(X) === 2 },
  words: [{ name: 'x', address: X }],
};

/** The same in one step. */
export const increment: Program = {
  ...lostIncrement,
  name: 'increment',
  threads: {
    first: (mem) => void mem.add32(X, 1),
    second: (mem) => void mem.add32(X, 1),
  },
};

/** Store buffering: each stores one word, plainly, and loads the other. */
export const storeBuffering: Program = {
  name: 'store-buffering',
  threads: {
    left: (mem) => {
      mem.storePlain32(X, 1);
      return mem.load32(Y);
    },
    right: (mem) => {
      mem.storePlain32(Y, 1);
      return mem.load32(X);
    },
  },
  observe: (_, { left, right }) => [left, right],
  words: [
    { name: 'x', address: X },
    { name: 'y', address: Y },
  ],
};

/** Too many states for a small budget, and no fault in them. */
export const large: Program = {
  name: 'large',
  threads: Object.fromEntries(
    [1, 100, 10_000, 1_000_000].map((one) => [
      `by${one}`,
      (mem) => {
        for (let step = 0; step < 12; step++) mem.add32(X, one);
      },
    ]),
  ),
};

export const subjectOf = (program: Program): Subject => ({
  word: program.name,
  program: () => program,
});

export const settings = (more: Partial<Settings> = {}): Settings => ({ ...PLAIN, ...more });
