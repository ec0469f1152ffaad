// Programs that a search once called safe, or could not end: each fails here if its repair is undone.
import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import type { CheckOptions } from '../src/options.ts';
import { partsOf } from '../src/parts.ts';
import type { Program } from '../src/program.ts';

const X = 64;
const Y = 128;
const Z = 192;
const LOCK = 256;

const ORDERS = [
  ['A', 'B', 'C'],
  ['A', 'C', 'B'],
  ['B', 'A', 'C'],
  ['B', 'C', 'A'],
  ['C', 'A', 'B'],
  ['C', 'B', 'A'],
];

const faultOf = (program: Program, options: CheckOptions = {}): string | undefined =>
  check(program, { minimize: false, ...options }).violation?.fault;

describe.each(ORDERS)('dpor, with threads tried in the order %s %s %s', (...order) => {
  it('finds that a cmpxchg which failed by one half would have written the other', () => {
    const program: Program = {
      name: 'halves',
      threads: {
        A: (mem) => [mem.cmpxchg64(X, 0, 0, 1, 1), mem.load32(Y)],
        B: (mem) => {
          mem.store32(Y, 1);
          mem.store32(X, 5);
        },
        C: (mem) => mem.load32(X + 4),
      },
      observe: (_, { A, C }) => [A, C],
    };
    const { outcomes } = check(program);
    expect(check(program, { search: 'dpor', order }).outcomes).toEqual(outcomes);
  });

  it('finds that a wait which went on might have slept past its notify', () => {
    const program: Program = {
      name: 'wait',
      threads: {
        A: (mem) => [mem.wait(Y, 0), mem.load32(X)],
        B: (mem) => {
          mem.store32(X, 2);
          mem.store32(Y, 1);
        },
        C: (mem) => mem.notify(Y, 1),
      },
    };
    expect(faultOf(program, { search: 'dpor', order })).toBe('lost wakeup');
  });
});

describe('a lock that somebody waits for for ever', () => {
  const program: Program = {
    name: 'keeper',
    threads: {
      A: (mem) => mem.lock(LOCK),
      B: (mem) => {
        mem.lock(LOCK);
        mem.store32(X, 1);
        mem.unlock(LOCK);
      },
    },
    idle: ['B'],
    always: { 'x stays': (mem) => mem.load32(X) === 0 },
  };

  it.each(['states', 'dpor', 'preemptions'] as const)('may be had by him first: %s', (search) => {
    expect(faultOf(program, { search })).toBe('always');
  });
});

describe('a thread that serves others and wakes by itself', () => {
  const serves = (mem: Shared): void => {
    for (;;) {
      mem.again();
      mem.wait(X, 0, 5);
    }
  };

  it('does not hide a deadlock of the others', () => {
    const takes = (mem: Shared): void => mem.lock(LOCK);
    const program = { name: 'two', threads: { serves, B: takes, C: takes }, idle: ['serves'] };
    expect(faultOf(program)).toBe('deadlock');
  });

  it('does not hide their end', () => {
    const threads = { serves, B: (mem: Shared) => mem.store32(Y, 1) };
    const program = { name: 'end', threads, idle: ['serves'], finally: { never: () => false } };
    expect(faultOf(program)).toBe('finally');
  });

  it('does not hide it by turning for ever either', () => {
    const turns = (mem: Shared): void => {
      for (;;) {
        mem.again();
        mem.load32(Y);
      }
    };
    const threads = { turns, B: (mem: Shared) => mem.store32(Y, 1) };
    const program = { name: 'turn', threads, idle: ['turns'], finally: { never: () => false } };
    expect(faultOf(program)).toBe('finally');
  });
});

describe('threads that are alike', () => {
  it('may each have been the one that a property names', () => {
    const body = (mem: Shared): number => mem.add32(X, 1);
    const program: Program = {
      name: 'named',
      threads: { A: body, B: body },
      symmetric: [['A', 'B']],
      finally: { 'A is not second': (_, { A }) => A !== 1 },
    };
    expect(faultOf(program)).toBe('finally');
  });

  it('are told apart by a search for what never ends', () => {
    const body = (mem: Shared): void => {
      mem.lock(LOCK);
      for (;;) {
        mem.again();
        if (mem.load32(Z) === 2) return;
      }
    };
    const program = { name: 'alike', threads: { A: body, B: body }, symmetric: [['A', 'B']] };
    expect(faultOf(program)).toBe('livelock');
  });

  it('are told apart by a search that counts preemptions', () => {
    const body = (mem: Shared): void => mem.store32(X, mem.load32(X) + 1);
    const program: Program = {
      name: 'lost',
      threads: { A: body, B: body, C: body },
      symmetric: [['A', 'B', 'C']],
      finally: { 'none is lost': (mem) => mem.load32(X) === 3 },
    };
    expect(faultOf(program, { search: 'preemptions' })).toBe('finally');
  });
});

describe('results that differ', () => {
  it.each([
    [new Set([0]), new Set([1])],
    [1n, '1n'],
    [0, -0],
    [{ v: undefined }, {}],
    [Number.NaN, null],
    [new Error('a'), new Error('b')],
  ])('are two ends: %s and %s', (left, right) => {
    const program: Program = {
      name: 'results',
      threads: {
        A: (mem) => (mem.load32(X) === 0 ? left : right),
        B: (mem) => mem.store32(X, 1),
      },
    };
    expect(check(program).ends).toHaveLength(2);
  });
});

describe('a claim', () => {
  it('is another one in another depth of a recursion', () => {
    const down = (mem: Shared, n: number): number => {
      if (n > 0) return 1 + down(mem, n - 1);
      while (mem.load32(Y) === 0) mem.again();
      return 0;
    };
    const program: Program = {
      name: 'deep',
      threads: {
        A: (mem) => down(mem, mem.load32(X) ? 40 : 30),
        B: (mem) => {
          mem.store32(X, 1);
          mem.store32(Y, 1);
        },
      },
    };
    expect(check(program).ends.map((end) => end.replace(/.*A:(\d+).*/, '$1'))).toEqual([
      '30',
      '40',
    ]);
  });
});

describe('under tso', () => {
  const frames = { framesAt: 4096, frames: 4, frameBytes: 64 };

  it('a plain store into a freed frame is one all the same', () => {
    const A = (mem: Shared): void => {
      const frame = mem.alloc();
      mem.free(frame);
      mem.storePlain32(frame, 1);
    };
    expect(faultOf({ name: 'freed', threads: { A }, frames }, { model: 'tso' })).toBe(
      'use after free',
    );
  });

  it('a lock that nobody holds cannot be given back', () => {
    const A = (mem: Shared): void => mem.unlock(LOCK);
    expect(faultOf({ name: 'free', threads: { A } }, { model: 'tso' })).toBe('misuse');
  });
});

describe('a search', () => {
  const spins = (mem: Shared): void => {
    while (mem.load32(X) === 0) mem.again();
  };

  it('by preemptions finds what never ends', () => {
    const threads = { spins, B: (mem: Shared) => mem.store32(Y, 1) };
    expect(faultOf({ name: 'spin', threads }, { search: 'preemptions' })).toBe('livelock');
  });

  it('by dpor says that it cannot follow a loop that waits', () => {
    const threads = { spins, B: (mem: Shared) => mem.store32(X, 1) };
    const { verdict, budget } = check({ name: 'spin', threads }, { search: 'dpor' });
    expect([verdict, budget]).toEqual(['budget', expect.stringMatching(/more than 5000 steps/)]);
  });

  it('is cut where a thread waits for a grace period', () => {
    const program: Program = {
      name: 'grace',
      threads: {
        A: (mem) => {
          mem.synchronize();
          mem.store32(X, 1);
        },
        B: (mem) => {
          mem.enterRead();
          mem.load32(X);
          mem.exitRead();
        },
      },
    };
    expect(partsOf(program, 2).length).toBeGreaterThan(1);
  });
});

describe('a notify', () => {
  it('reads no memory: it races with no store', () => {
    const program: Program = {
      name: 'notify',
      threads: {
        A: (mem) => mem.storePlain32(X, 1),
        B: (mem) => mem.notify(X),
        C: (mem) => mem.load32(Y),
      },
      dataRaces: 'error',
    };
    expect(check(program).verdict).toBe('holds');
  });
});
