// What the word verbs do, said a second time over a plain byte array, and sequences of them drawn at random.
import fc from 'fast-check';
import type { Shared } from '../src/shared.ts';

type Verb32 =
  | 'load32'
  | 'store32'
  | 'storePlain32'
  | 'xchg32'
  | 'cmpxchg32'
  | 'or32'
  | 'and32'
  | 'add32';
type Verb64 =
  | 'load64'
  | 'store64'
  | 'storePlain64'
  | 'xchg64'
  | 'cmpxchg64'
  | 'or64'
  | 'and64'
  | 'add64';

/** What the word holds after the verb; a 64-bit operand is one bigint. */
const next32: Record<Verb32, (old: number, a: number, b: number) => number> = {
  load32: (old) => old,
  store32: (_old, a) => a,
  storePlain32: (_old, a) => a,
  xchg32: (_old, a) => a,
  cmpxchg32: (old, a, b) => (old === a ? b : old),
  or32: (old, a) => old | a,
  and32: (old, a) => old & a,
  add32: (old, a) => old + a,
};
const next64: Record<Verb64, (old: bigint, a: bigint, b: bigint) => bigint> = {
  load64: (old) => old,
  store64: (_old, a) => a,
  storePlain64: (_old, a) => a,
  xchg64: (_old, a) => a,
  cmpxchg64: (old, a, b) => (old === a ? b : old),
  or64: (old, a) => old | a,
  and64: (old, a) => old & a,
  add64: (old, a) => old + a,
};

export const verbs32 = Object.keys(next32) as Verb32[];
export const verbs64 = Object.keys(next64) as Verb64[];

/** How many 64-bit words the operations touch. */
export const WORDS = 3;

export interface WordOperation {
  readonly verb: Verb32 | Verb64;
  /** Bytes from the first word. */
  readonly offset: number;
  readonly args: readonly number[];
}

/** The answer of the verb, and the latch where the verb promises one. */
export interface Seen {
  readonly answer: number | boolean | undefined;
  readonly latch?: readonly [low: number, high: number];
}

const operands = (verb: string): number => {
  if (verb.startsWith('load')) return 0;
  return verb.startsWith('cmpxchg') ? 2 : 1;
};
const latches = (verb: string): boolean =>
  verb === 'cmpxchg32' || (verb.endsWith('64') && !verb.startsWith('store'));

// Few distinct values, so that a cmpxchg often finds what it expects.
const half = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)) },
  { weight: 1, arbitrary: fc.integer() },
);
const operation32 = fc.constantFrom(...verbs32).chain((verb) =>
  fc.record<WordOperation>({
    verb: fc.constant(verb),
    offset: fc.nat(2 * WORDS - 1).map((index) => 4 * index),
    args: fc.array(half, { minLength: operands(verb), maxLength: operands(verb) }),
  }),
);
const operation64 = fc.constantFrom(...verbs64).chain((verb) =>
  fc.record<WordOperation>({
    verb: fc.constant(verb),
    offset: fc.nat(WORDS - 1).map((index) => 8 * index),
    args: fc.array(half, { minLength: 2 * operands(verb), maxLength: 2 * operands(verb) }),
  }),
);
export const wordOperations: fc.Arbitrary<WordOperation[]> = fc.array(
  fc.oneof(operation32, operation64),
  { maxLength: 30 },
);

export function apply(mem: Shared, base: number, { verb, offset, args }: WordOperation): Seen {
  const method = mem[verb] as (...args: number[]) => number | boolean | undefined;
  const answer = method.call(mem, base + offset, ...args);
  return latches(verb) ? { answer, latch: [mem.low, mem.high] } : { answer };
}

const join = (low = 0, high = 0): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

export class PlainWords {
  readonly #view: DataView = new DataView(new ArrayBuffer(8 * WORDS));

  apply({ verb, offset, args }: WordOperation): Seen {
    const low = this.#view.getInt32(offset, true);
    const narrow = verb.endsWith('32');
    const high = narrow ? 0 : this.#view.getInt32(offset + 4, true);
    let won: boolean;
    if (narrow) {
      const [a = 0, b = 0] = args;
      this.#view.setInt32(offset, next32[verb as Verb32](low, a, b), true);
      won = low === a;
    } else {
      const [a, b] = [join(args[0], args[1]), join(args[2], args[3])];
      this.#view.setBigInt64(offset, next64[verb as Verb64](join(low, high), a, b), true);
      won = join(low, high) === a;
    }
    const found = verb.startsWith('store') ? undefined : low;
    const answer = verb.startsWith('cmpxchg') ? Number(won) : found;
    return latches(verb) ? { answer, latch: [low, high] } : { answer };
  }

  /** All of it, as 32-bit words. */
  get content(): number[] {
    return Array.from({ length: 2 * WORDS }, (_, index) => this.#view.getInt32(4 * index, true));
  }
}
