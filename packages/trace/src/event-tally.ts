// Counts events by name.
import { ByteInterner } from './byte-interner.ts';
import type { Decode } from './decode.ts';
import { decoders } from './decoders.ts';

/** More distinct names than any kernel traces by default; the function tracer has more. */
const KNOWN_NAMES = 4096;

export class NameCount {
  readonly name: string;
  readonly decode: Decode | undefined;
  count = 0;
  /** Not decoded because nobody here knows it. */
  unknown = 0;
  /** Decoded, with more columns than known. */
  unknownColumns = 0;

  constructor(name: string) {
    this.name = name;
    this.decode = decoders.get(name);
  }
}

export class EventTally {
  readonly #all: NameCount[] = [];
  readonly #others = new NameCount('(other names)');
  readonly #names = new ByteInterner(KNOWN_NAMES, (name) => {
    const count = new NameCount(name);
    this.#all.push(count);
    return count;
  });

  /** The count of the event whose name is these bytes. */
  of(bytes: Uint8Array, from: number, to: number): NameCount {
    return this.#names.find(bytes, from, to) ?? this.#others;
  }

  /** One column by name, without the zeros. */
  by(column: 'count' | 'unknown' | 'unknownColumns'): Record<string, number> {
    const rows = [...this.#all, this.#others].filter((row) => row[column] > 0);
    return Object.fromEntries(rows.map((row) => [row.name, row[column]]));
  }
}
