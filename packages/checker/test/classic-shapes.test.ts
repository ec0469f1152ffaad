// The shapes by which memory models are told apart (Owens, Sarkar, Sewell: A Better x86 Memory Model: x86-TSO, 2009; names of
// herd's diy). A letter names a location, and a number is what was read from it or stays in it at the end. Under x86-TSO
// a store may pass a later load of another location, and a thread reads its own stores early. Nothing else is reordered.
import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import type { Body, MemoryModel, Program, Results } from '../src/program.ts';

const X = 0x100;
const Y = 0x104;

const store = (mem: Shared, address: number, value: number): void =>
  mem.storePlain32(address, value);
const load = (mem: Shared, address: number): number => mem.load32(address);

/** What threads read, in order; then the locations that `finals` names. */
interface Shape {
  readonly threads: readonly Body[];
  readonly finals?: readonly number[];
}

const MODELS: readonly MemoryModel[] = ['sc', 'tso'];

const reads = (results: Results): unknown[] =>
  Object.values(results).flatMap((read) => (read === undefined ? [] : read));

function outcomes({ threads, finals = [] }: Shape, model: MemoryModel): readonly string[] {
  const program: Program = {
    name: 'shape',
    threads: Object.fromEntries(threads.map((body, index) => [`P${index}`, body])),
    observe: (mem, results) => [...reads(results), ...finals.map((at) => mem.load32(at))].join(' '),
  };
  const { verdict, outcomes: found } = check(program, { model });
  expect(verdict).toBe('holds');
  return found.map((outcome) => JSON.parse(outcome) as string);
}

/** All tuples of so many numbers below `values` (or from 1 on), as outcomes are written. */
function tuples(length: number): string[] {
  return Array.from({ length: 2 ** length }, (_, bits) =>
    Array.from({ length }, (_, at) => (bits >> (length - 1 - at)) & 1).join(' '),
  );
}

interface Expected {
  readonly shape: Shape;
  readonly sc: readonly string[];
  /** What tso allows beyond. */
  readonly weak?: readonly string[];
}

const seesBoth = ['0 1', '1 0', '1 1'];

/** SB: each thread stores one location, then loads the other. `between` stands between the two. */
const sb = (between: readonly ((mem: Shared) => void)[]): Shape => ({
  threads: [
    [X, Y],
    [Y, X],
  ].map(([own = 0, other = 0], thread) => (mem) => {
    store(mem, own, 1);
    between[thread]?.(mem);
    return load(mem, other);
  }),
});
const nothing = (): void => {};
const fence = (mem: Shared): void => mem.fence();
const lockedElsewhere = (mem: Shared): void => void mem.xchg32(0x200 + 4 * mem.thread, 1);

/** R: x=1; y=1 || y=2; read x. */
const r = (first: (mem: Shared) => void, second: (mem: Shared) => void): Shape => ({
  threads: [
    (mem) => {
      store(mem, X, 1);
      first(mem);
      store(mem, Y, 1);
    },
    (mem) => {
      store(mem, Y, 2);
      second(mem);
      return load(mem, X);
    },
  ],
  finals: [Y],
});

/** RWC: x=1 || read x, y || y=1; read x. */
const rwc = (between: (mem: Shared) => void): Shape => ({
  threads: [
    (mem) => store(mem, X, 1),
    (mem) => [load(mem, X), load(mem, Y)],
    (mem) => {
      store(mem, Y, 1);
      between(mem);
      return load(mem, X);
    },
  ],
});

const readsXThenY = (mem: Shared): number[] => [load(mem, X), load(mem, Y)];
const readsYThenX = (mem: Shared): number[] => [load(mem, Y), load(mem, X)];

const shapes: Readonly<Record<string, Expected>> = {
  'SB: both loads may pass the stores before them': {
    shape: sb([]),
    sc: seesBoth,
    weak: ['0 0'],
  },
  'SB with a fence in one thread: the other one is enough': {
    shape: sb([fence, nothing]),
    sc: seesBoth,
    weak: ['0 0'],
  },
  'SB with a fence in both: as under sc': { shape: sb([fence, fence]), sc: seesBoth },
  'SB with a locked instruction on a third word in both: as a fence': {
    shape: sb([lockedElsewhere, lockedElsewhere]),
    sc: seesBoth,
  },
  'SB stored with xchg: a locked store is not passed': {
    shape: {
      threads: [
        (mem) => {
          mem.xchg32(X, 1);
          return load(mem, Y);
        },
        (mem) => {
          mem.xchg32(Y, 1);
          return load(mem, X);
        },
      ],
    },
    sc: seesBoth,
  },
  'SB stored with store: sequentially consistent': {
    shape: {
      threads: [
        (mem) => {
          mem.store32(X, 1);
          return load(mem, Y);
        },
        (mem) => {
          mem.store32(Y, 1);
          return load(mem, X);
        },
      ],
    },
    sc: seesBoth,
  },
  'SB loaded with add of 0: a locked load waits for the stores before it': {
    shape: {
      threads: [
        (mem) => {
          store(mem, X, 1);
          return mem.add32(Y, 0);
        },
        (mem) => {
          store(mem, Y, 1);
          return mem.add32(X, 0);
        },
      ],
    },
    sc: seesBoth,
  },
  'SB+rfi (Intel 8-5): a thread reads its own store before the others do': {
    shape: {
      threads: [
        (mem) => {
          store(mem, X, 1);
          return readsXThenY(mem);
        },
        (mem) => {
          store(mem, Y, 1);
          return readsYThenX(mem);
        },
      ],
    },
    sc: ['1 0 1 1', '1 1 1 0', '1 1 1 1'],
    weak: ['1 0 1 0'],
  },
  'MP: stores reach memory in order, loads are made in order': {
    shape: {
      threads: [
        (mem) => {
          store(mem, X, 1);
          store(mem, Y, 1);
        },
        readsYThenX,
      ],
    },
    sc: ['0 0', '0 1', '1 1'],
  },
  'LB: no load is made after a later store': {
    shape: {
      threads: [
        (mem) => {
          const read = load(mem, X);
          store(mem, Y, 1);
          return read;
        },
        (mem) => {
          const read = load(mem, Y);
          store(mem, X, 1);
          return read;
        },
      ],
    },
    sc: ['0 0', '0 1', '1 0'],
  },
  'S: x=2; y=1 || read y; x=1. Who has read 1 stores last': {
    shape: {
      threads: [
        (mem) => {
          store(mem, X, 2);
          store(mem, Y, 1);
        },
        (mem) => {
          const read = load(mem, Y);
          store(mem, X, 1);
          return read;
        },
      ],
      finals: [X],
    },
    sc: ['0 1', '0 2', '1 1'],
  },
  'R: the load may pass the store before it': {
    shape: r(nothing, nothing),
    sc: ['0 1', '1 1', '1 2'],
    weak: ['0 2'],
  },
  'R with a fence between the stores only: they were in order anyhow': {
    shape: r(fence, nothing),
    sc: ['0 1', '1 1', '1 2'],
    weak: ['0 2'],
  },
  'R with a fence before the load: as under sc': {
    shape: r(nothing, fence),
    sc: ['0 1', '1 1', '1 2'],
  },
  '2+2W: stores of one thread reach memory in order': {
    shape: {
      threads: [
        (mem) => {
          store(mem, X, 1);
          store(mem, Y, 2);
        },
        (mem) => {
          store(mem, Y, 1);
          store(mem, X, 2);
        },
      ],
      finals: [X, Y],
    },
    sc: ['1 2', '2 1', '2 2'],
  },
  'IRIW: all threads see two stores in the same order': {
    shape: {
      threads: [(mem) => store(mem, X, 1), (mem) => store(mem, Y, 1), readsXThenY, readsYThenX],
    },
    sc: tuples(4).filter((outcome) => outcome !== '1 0 1 0'),
  },
  'WRC: what was read and passed on is seen': {
    shape: {
      threads: [
        (mem) => store(mem, X, 1),
        (mem) => {
          const read = load(mem, X);
          if (read === 1) store(mem, Y, 1);
          return read;
        },
        readsYThenX,
      ],
    },
    sc: tuples(3).filter((outcome) => outcome !== '1 1 0' && !outcome.startsWith('0 1')),
  },
  'RWC: the last load may pass the store before it': {
    shape: rwc(nothing),
    sc: tuples(3).filter((outcome) => outcome !== '1 0 0'),
    weak: ['1 0 0'],
  },
  'RWC with a fence before the last load: as under sc': {
    shape: rwc(fence),
    sc: tuples(3).filter((outcome) => outcome !== '1 0 0'),
  },
  'CoRR: two loads of one location never go back': {
    shape: { threads: [(mem) => store(mem, X, 1), (mem) => [load(mem, X), load(mem, X)]] },
    sc: ['0 0', '0 1', '1 1'],
  },
  'CoWR: a thread reads its own store or one that came after it': {
    shape: {
      threads: [
        (mem) => {
          store(mem, X, 1);
          return load(mem, X);
        },
        (mem) => store(mem, X, 2),
      ],
      finals: [X],
    },
    sc: ['1 1', '1 2', '2 2'],
  },
  'n6: a store that its own thread has read may still be overtaken': {
    shape: {
      threads: [
        (mem) => {
          store(mem, X, 1);
          return readsXThenY(mem);
        },
        (mem) => {
          store(mem, Y, 2);
          store(mem, X, 2);
        },
      ],
      finals: [X],
    },
    sc: ['1 0 2', '1 2 1', '1 2 2', '2 2 2'],
    weak: ['1 0 1'],
  },
  "n5: two threads do not each read the other one's store over their own": {
    shape: {
      threads: [1, 2].map((own) => (mem) => {
        store(mem, X, own);
        return load(mem, X);
      }),
    },
    sc: ['1 1', '1 2', '2 2'],
  },
  "n4: nor each the other one's store before their own": {
    shape: {
      threads: [1, 2].map((own) => (mem) => {
        const read = load(mem, X);
        store(mem, X, own);
        return read;
      }),
    },
    sc: ['0 0', '0 1', '2 0'],
  },
};

describe.each(Object.entries(shapes))('%s', (_, { shape, sc, weak = [] }) => {
  it.each(MODELS)('has the published outcomes under %s', (model) => {
    const expected = model === 'sc' ? sc : [...sc, ...weak];
    expect(outcomes(shape, model)).toEqual([...expected].sort());
  });
});
