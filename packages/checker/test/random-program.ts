// Small random programs of statements, with what is wanted of them.
import type { Shared } from '@faultline/atomics';
import fc from 'fast-check';
import type { Body, MemoryModel, NamedWord, Program, Results } from '../src/program.ts';
import { executionsOf } from './program-size.ts';
import {
  bodyOf,
  isOrHas,
  type Lock,
  MUTEX_A,
  MUTEX_B,
  type Mutex,
  print,
  RAM,
  RWLOCK,
  type Statement,
  type Value,
  type Word32,
  X,
  X_HIGH,
  Y,
} from './statements.ts';

const word = fc.constantFrom<Word32>('x', 'x', 'x', 'y', 'y', 'xHigh');
const value: fc.Arbitrary<Value> = fc.record({
  plus: fc.integer({ min: 0, max: 2 }),
  last: fc.boolean(),
});
const high = fc.constantFrom(0, 1, -1);
const low = fc.oneof({ arbitrary: value, weight: 4 }, fc.constant({ plus: -1, last: false }));
const small = fc.integer({ min: 0, max: 2 });
const c = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** One of `verbs`, with these fields. */
const drawn = (
  verbs: readonly Statement['do'][],
  fields: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
): fc.Arbitrary<Statement> =>
  fc.record({ do: c(...verbs), ...fields }) as fc.Arbitrary<unknown> as fc.Arbitrary<Statement>;

const plainAccess = fc.oneof(
  { arbitrary: drawn(['load'], { at: word }), weight: 4 },
  { arbitrary: drawn(['storePlain'], { at: word, value }), weight: 4 },
  drawn(['load64']),
  drawn(['storePlain64'], { low, high }),
  drawn(['guestLoad']),
  drawn(['guestStore'], { value }),
);
const atomicAccess = fc.oneof(
  drawn(['store'], { at: word, value }),
  drawn(['xchg', 'or', 'and', 'add'], { at: word, value }),
  drawn(['cmpxchg'], { at: word, expected: value, value }),
  drawn(['store64'], { low, high }),
  drawn(['xchg64', 'or64', 'and64', 'add64'], { low, high }),
  drawn(['cmpxchg64'], { expected: value, low, high }),
  drawn(['fence']),
);
const sleepyAccess = fc.oneof(
  drawn(['wait'], { at: word, expected: c(0, 0, 1), ms: c(-1, 5) }),
  drawn(['notify'], { at: word, count: c(-1, 1, 1, 2, 0) }),
  drawn(['waitUntil'], { at: word, mask: c(-1, 1, 2), value: small }),
  drawn(['waitWhile'], { at: word, value: small }),
);

const operation = fc.oneof(
  { arbitrary: plainAccess, weight: 6 },
  { arbitrary: atomicAccess, weight: 5 },
  { arbitrary: sleepyAccess, weight: 1 },
);

const statementOf = (depth: number): fc.Arbitrary<Statement> => {
  if (depth === 0) return operation;
  const body = fc.array(statementOf(depth - 1), { minLength: 1, maxLength: 2 });
  return fc.oneof(
    { arbitrary: operation, weight: 10 },
    { arbitrary: drawn(['if'], { last: small, body }), weight: 2 },
    {
      arbitrary: drawn(['locked'], { by: c<Lock>('a', 'b', 'read', 'write'), body }),
      weight: 2,
    },
    drawn(['handOver'], { from: c<Mutex>('a', 'b'), body }),
    drawn(['loop'], { times: c(1, 2, 3), until: small, body }),
  );
};

/** Two threads that take two mutexes in opposite order: seldom drawn by chance, so on purpose. */
const crossed: fc.Arbitrary<Statement[][]> = fc.tuple(operation, operation).map(([one, other]) =>
  (['a', 'b'] as const).map((outer) => [
    {
      do: 'locked',
      by: outer,
      body: [one, { do: 'locked', by: outer === 'a' ? 'b' : 'a', body: [other] }],
    },
  ]),
);

/** A random program, and how it reads. */
export interface Random {
  /** By address, of words that do not begin as 0. */
  readonly initial: Readonly<Record<string, number>>;
  readonly threads: readonly (readonly Statement[])[];
  readonly program: Program;
}

const RESULT_WORDS: readonly number[] = [X, X_HIGH, Y];

export const hex = (address: number): string => `0x${address.toString(16)}`;

const words: readonly NamedWord[] = [
  { name: 'x', address: X, bytes: 8 },
  { name: 'y', address: Y },
  { name: 'a', address: MUTEX_A },
  { name: 'b', address: MUTEX_B },
  { name: 'rwlock', address: RWLOCK },
  { name: 'ram', address: RAM, object: 'ram' },
];

const observe = (mem: Shared, results: Results | readonly string[]): unknown => [
  ...RESULT_WORDS.map((address) => mem.load32(address)),
  mem.guestLoad(RAM),
  results,
];

function toRandom(
  threads: readonly (readonly Statement[])[],
  initial: number,
  named: boolean,
): Random {
  const program: Program = {
    name: 'random',
    threads: Object.fromEntries(threads.map((thread, index) => [`T${index}`, bodyOf(thread)])),
    setup(mem) {
      if (initial !== 0) mem.store32(Y, initial);
    },
    observe,
    ...(named && { words }),
  };
  const text = (): string =>
    [`y = ${initial}`, ...threads.map((thread, index) => `T${index}: ${print(thread)}`)].join('\n');
  const random = { threads, program, initial: { [hex(Y)]: initial } };
  return Object.assign(random, { [fc.toStringMethod]: text });
}

/** Whether a thread claims that only some of what it knows matters. */
export const hasClaims = ({ threads }: Random): boolean =>
  threads.flat().some((statement) => isOrHas(statement, (one) => one.do === 'loop'));

const maySleep = (statement: Statement): boolean =>
  isOrHas(statement, (one) => one.do.startsWith('wait'));

export interface RandomOptions {
  readonly model?: MemoryModel;
  /** Executions at most. */
  readonly most?: number;
}

export function randomProgram({
  model = 'sc',
  most = model === 'sc' ? 1_500 : 15_000,
}: RandomOptions = {}): fc.Arbitrary<Random> {
  const any = statementOf(2);
  const thread = (minLength: number, maxLength: number): fc.Arbitrary<Statement[]> =>
    fc.array(model === 'tso' ? fc.oneof(any, plainAccess) : any, { minLength, maxLength });
  const threads = fc.oneof(
    { arbitrary: fc.tuple(thread(2, 5), thread(2, 5)), weight: 8 },
    { arbitrary: fc.tuple(thread(1, 3), thread(1, 3), thread(1, 3)), weight: 8 },
    { arbitrary: crossed, weight: 1 },
  );
  return fc
    .tuple(threads, c(0, 0, 1), fc.boolean())
    .filter(([bodies]) => executionsOf(bodies, model) <= most)
    .map(([bodies, initial, named]) => toRandom(bodies, initial, named));
}

/**
 * Two or three threads that are alike; none sleeps, since queues know sleepers by number. What they returned is told without
 * saying who did.
 */
export function randomSymmetric(): fc.Arbitrary<Random> {
  return fc
    .tuple(fc.array(statementOf(2), { minLength: 1, maxLength: 4 }), c(2, 3), c(0, 1))
    .map(([statements, count, initial]) => ({
      alike: Array.from({ length: count }, () => statements),
      initial,
    }))
    .filter(({ alike }) => !alike.flat().some(maySleep) && executionsOf(alike, 'sc') <= 1_500)
    .map(({ alike, initial }) => {
      const random = toRandom(alike, initial, true);
      const [body] = Object.values(random.program.threads) as [Body];
      const names = Object.keys(random.program.threads);
      const program: Program = {
        ...random.program,
        threads: Object.fromEntries(names.map((name) => [name, body])),
        symmetric: [names],
        observe: (mem, results) =>
          observe(
            mem,
            Object.values(results)
              .map((result) => JSON.stringify(result))
              .sort(),
          ),
      };
      return Object.assign(random, { program });
    });
}

/** A state of two words that may or may not be met. */
export interface Meeting {
  readonly x: number;
  readonly y: number | undefined;
}

export const randomMeeting: fc.Arbitrary<Meeting> = fc.record({
  x: small,
  y: fc.option(small, { nil: undefined }),
});

/** Are the words as `meeting` says? Looks at `y` only where `x` is. */
export const isMet = (mem: Shared, { x, y }: Meeting): boolean =>
  mem.load32(X) === x && (y === undefined || mem.load32(Y) === y);
