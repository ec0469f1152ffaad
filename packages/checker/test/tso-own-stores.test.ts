// Under TSO a thread's stores reach memory in its own order, whether or not anybody else looks at their words; and a schedule
// that a search finds can be carried out again. Programs that have shown otherwise.
import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import type { Program, Property } from '../src/program.ts';
import type { Search } from '../src/verdict.ts';
import { enumerate } from './naive.ts';

const X = 0x100;
const X_HIGH = 0x104;
const Y = 0x108;
const LOCK = 0x10c;

const isX =
  (x: number, y?: number): Property =>
  (mem) =>
    !(mem.load32(X) === x && (y === undefined || mem.load32(Y) === y));

const programs: Readonly<Record<string, Omit<Program, 'name'>>> = {
  'a private half stored over a wide store that is still buffered': {
    threads: {
      A(mem: Shared) {
        mem.storePlain64(X, 0, 0);
        mem.storePlain32(X_HIGH, 1);
      },
      B(mem: Shared) {
        const found = mem.load32(X);
        mem.storePlain32(X, 0);
        return found;
      },
    },
  },
  'a store, and a lock that nobody else takes': {
    threads: {
      A(mem: Shared) {
        const found = mem.load32(X);
        mem.storePlain32(X, 0);
        mem.lock(LOCK);
        const both = [mem.load64(X), mem.high];
        mem.unlock(LOCK);
        return [found, ...both];
      },
      B: (mem: Shared) => [mem.load64(X), mem.xchg32(X, 2)],
    },
    always: { 'x is not 2': isX(2) },
  },
  'a private store before a shared one': {
    threads: {
      A: (mem: Shared) => mem.store64(X, 0, 0),
      B(mem: Shared) {
        mem.storePlain32(Y, 2);
        mem.xchg32(X, 1);
        mem.storePlain64(X, 0, 0);
      },
      C: (mem: Shared) => mem.load32(X),
    },
    always: { 'x and y are not 1 and 2': isX(1, 2) },
  },
  'a plain store before a wait for what never comes': {
    threads: {
      A: (mem: Shared) => mem.load32(X),
      B: (mem: Shared) => mem.xchg32(X, 0),
      C(mem: Shared) {
        mem.storePlain64(X, 0, 0);
        mem.waitUntil(X, -1, 1);
      },
    },
  },
  'a guest store that nobody else looks at, in a deadlock': {
    threads: {
      A: (mem: Shared) => mem.waitUntil(X, -1, 1),
      B(mem: Shared) {
        mem.guestStore(1, 0);
        return mem.notify(Y);
      },
    },
  },
  'a load that passes a guest store, before its own thread writes what it loaded': {
    threads: {
      A(mem: Shared) {
        mem.guestStore(0, 0);
        mem.load32(X);
        mem.storePlain32(X, 2);
      },
      B: (mem: Shared) => mem.load32(Y),
      C: (mem: Shared) => mem.load32(Y),
    },
    always: { 'x is not 2': (mem: Shared) => mem.load32(X) !== 2 },
  },
  'a fence before a private store that a property looks at': {
    threads: {
      A(mem: Shared) {
        mem.storePlain64(X, 1, 0);
        return mem.load64(X);
      },
      B(mem: Shared) {
        mem.fence();
        mem.storePlain32(Y, 0);
      },
    },
    always: { 'x and y are not 1 and 0': isX(1, 0) },
  },
};

describe.each(Object.entries(programs))('%s', (name, rest) => {
  const words = [X, X_HIGH, Y];
  const program: Program = {
    name,
    ...rest,
    observe: (mem, { A = null, B }) => [...words.map((at) => mem.load32(at)), A, B],
  };

  it.each<Search>(['states', 'preemptions'])('is what plain exhaustion finds: %s', (search) => {
    const naive = enumerate(program, { model: 'tso' });
    const { verdict, outcomes } = check(program, { search, model: 'tso' });
    const isBad = naive.deadlock || naive.violated.size > 0;
    expect(verdict).toBe(isBad ? 'violated' : 'holds');
    if (!isBad) expect(outcomes).toEqual(naive.outcomes);
  });

  it('is drawn from one whole schedule, with and without a look for a shorter one', () => {
    for (const minimize of [true, false]) {
      const { verdict, violation } = check(program, { model: 'tso', minimize });
      expect(violation?.execution === undefined).toBe(verdict === 'holds');
    }
  });
});
