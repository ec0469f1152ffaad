// Every 32-bit piece of state that threads can reach, numbered as it is met: words and guest memory, and what the blocking
// verbs keep (queues of sleepers, read sections, freed frames, store buffers). A cell gets a slot in the state vector when it
// is first written; until then it is what it was at the beginning.
import type { NamedWord, Program } from './program.ts';

export type CellKind =
  | 'words'
  | 'ram'
  | 'queue'
  | 'section'
  | 'grace'
  | 'alloc'
  | 'freed'
  | 'buffer';

const NO_SLOT = -1;

export class Cells {
  readonly kind: CellKind[] = [];
  /** Byte address, index, or thread: what the kind counts in. */
  readonly address: number[] = [];
  readonly initial: number[] = [];
  readonly slot: number[] = [];
  readonly #known = new Map<string, number>();
  readonly #numbered: Record<'words' | 'ram', Map<number, number>> = {
    words: new Map(),
    ram: new Map(),
  };

  /** The number of a cell. */
  cell(kind: CellKind, address: number): number {
    if (kind === 'words' || kind === 'ram') {
      const known = this.#numbered[kind].get(address);
      if (known !== undefined) return known;
      const cell = this.#add(kind, address);
      this.#numbered[kind].set(address, cell);
      return cell;
    }
    const key = `${kind}${address}`;
    let cell = this.#known.get(key);
    if (cell === undefined) {
      cell = this.#add(kind, address);
      this.#known.set(key, cell);
    }
    return cell;
  }

  #add(kind: CellKind, address: number): number {
    this.kind.push(kind);
    this.address.push(address);
    this.initial.push(0);
    this.slot.push(NO_SLOT);
    return this.kind.length - 1;
  }

  get size(): number {
    return this.kind.length;
  }
}

/** What a reader calls the words, and how their values are written. */
export class Names {
  readonly #byAddress = new Map<string, NamedWord>();

  constructor({ words = [] }: Pick<Program, 'words'>) {
    for (const word of words) {
      const object = word.object ?? 'words';
      for (let byte = 0; byte < (object === 'ram' ? 1 : (word.bytes ?? 4)); byte += 4) {
        this.#byAddress.set(`${object}${word.address + byte}`, word);
      }
    }
  }

  /** The named word that holds the cell at `address`, or one made up from the address. */
  wordAt(object: 'words' | 'ram', address: number, bytes: 4 | 8 = 4): NamedWord {
    const known = this.#byAddress.get(`${object}${address}`);
    if (known !== undefined) return known;
    const hex = `0x${address.toString(16)}`;
    return { name: object === 'ram' ? `ram[${address}]` : hex, address, object, bytes };
  }

  isNamed(object: 'words' | 'ram', address: number): boolean {
    return this.#byAddress.has(`${object}${address}`);
  }
}

/** A value as its word's reader would write it. */
export function formatValue(word: NamedWord, low: number, high: number): string {
  if (word.format !== undefined) return word.format(low, high);
  if (word.bytes !== 8) return String(low);
  return `0x${((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16)}`;
}
