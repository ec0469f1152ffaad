// What each verb does to words, said once more, in BigInt and without a thought for speed: the checker must agree.
import type { Answer, Operation } from '@faultline/atomics';

/** 32-bit cells by name; one that is absent holds 0. */
export type Cells = Map<string, bigint>;

/** Names of the 32-bit cells that an operation touches, the low one first. */
export const cellsOf = ({ object, address, bytes }: Operation): string[] =>
  (bytes === 8 ? [address, address + 4] : [address]).map((at) =>
    object === 'ram' ? `ram[${at}]` : `0x${at.toString(16)}`,
  );

export const join = (halves: readonly bigint[]): bigint =>
  halves.reduceRight((high, low) => (high << 32n) | low, 0n);

export const split = (value: bigint, operation: Operation): [string, bigint][] =>
  cellsOf(operation).map((cell, half) => [cell, BigInt.asUintN(32, value >> BigInt(32 * half))]);

/** The value as the seam answers it: two signed halves. */
export const toAnswer = (value: bigint): Answer => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
});

/** The word after the operation, if it writes; `found` is the word before. */
export function written({ verb, bytes, args }: Operation, found: bigint): bigint | undefined {
  const halves = args.map((half) => BigInt.asUintN(32, BigInt(half)));
  const [first = 0n, second = 0n] =
    bytes === 8 ? [join(halves.slice(0, 2)), join(halves.slice(2))] : halves;
  switch (verb) {
    case 'load32':
    case 'load64':
    case 'guestLoad':
      return undefined;
    case 'store32':
    case 'store64':
    case 'guestStore':
    case 'xchg32':
    case 'xchg64':
      return first;
    case 'cmpxchg32':
    case 'cmpxchg64':
      return found === first ? second : undefined;
    case 'or32':
    case 'or64':
      return found | first;
    case 'and32':
    case 'and64':
      return found & first;
    case 'add32':
    case 'add64':
      return BigInt.asUintN(8 * bytes, found + first);
    default:
      throw new Error(`expected a verb of words, got ${verb}; usual cause: naive.ts forgot it`);
  }
}

/** Stores answer nothing; all else answers what it found. */
export const isStore = ({ verb }: Operation): boolean =>
  verb === 'store32' || verb === 'store64' || verb === 'guestStore';

/** Leaves other threads' view of memory alone, so that stores of its own thread may still be on their way. */
export const isLoad = ({ verb }: Operation): boolean =>
  verb === 'load32' || verb === 'load64' || verb === 'guestLoad';
