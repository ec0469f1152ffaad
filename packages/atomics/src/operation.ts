// A verb of the seam as plain data: what a log holds and what a search orders. `perform` does it on a backend.
import type { Shared } from './shared.ts';

export type Verb =
  | Exclude<
      keyof Shared,
      | 'low'
      | 'high'
      | 'thread'
      | 'emit'
      | 'again'
      | 'storePlain32'
      | 'storePlain64'
      // In a log: byte by byte, or word by word.
      | 'guestRead'
      | 'guestWrite'
      | 'guestFillWords'
      | 'guestCopyWords'
    >
  // Of JavaScript's Atomics: code that is not written over the seam may ask for it, no backend of ours does.
  | 'xor32'
  | 'xor64';

export interface Operation {
  readonly verb: Verb;
  /** Which kind of object `address` counts in: bytes of words, units of `bytes` bytes of guest memory, or nothing. */
  readonly object: 'words' | 'ram' | 'thread';
  readonly address: number;
  /** Bytes touched from `address` on. */
  readonly bytes: number;
  readonly order: 'seqcst' | 'plain';
  readonly args: readonly number[];
}

/** What a verb found. `high` is 0 but for 64-bit words; a cmpxchg answers the value found, and so whether it won. */
export interface Answer {
  readonly low: number;
  readonly high: number;
}

const NOTHING: Answer = { low: 0, high: 0 };

export const isSameOperation = (a: Operation, b: Operation): boolean =>
  a.verb === b.verb &&
  a.object === b.object &&
  a.address === b.address &&
  a.order === b.order &&
  a.args.length === b.args.length &&
  a.args.every((value, index) => value === b.args[index]);

export const formatOperation = ({ verb, address, order, args }: Operation): string => {
  const name = order === 'plain' ? verb.replace('store', 'storePlain') : verb;
  return `${name}(${[`0x${address.toString(16)}`, ...args].join(', ')})`;
};

/** Does `operation` on a backend and answers what it found. */
export function perform(mem: Shared, { verb, address, args }: Operation): Answer {
  const method = mem[verb as keyof Shared] as (...args: number[]) => number | boolean | undefined;
  const result = method.call(mem, address, ...args);
  if (verb === 'cmpxchg32') return { low: mem.low, high: 0 };
  if (verb.endsWith('64') && verb !== 'store64') return { low: mem.low, high: mem.high };
  return typeof result === 'number' ? { low: result, high: 0 } : NOTHING;
}
