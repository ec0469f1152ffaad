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
  /** Known here, and of a body that could not be read. */
  damaged = 0;
  /** Decoded, with more columns than known. */
  unknownColumns = 0;

  /** What stands between the name and the body, if it is no part of what was looked up. */
  readonly separator: '' | ': ';

  /** `printed` as the file has it: ftrace says `sys_mmap(` for sys_enter_mmap and `sys_mmap -> ` for sys_exit_mmap. */
  constructor(printed: string) {
    this.name = printed
      .replace(/^sys_(.*)\($/, 'sys_enter_$1')
      .replace(/^sys_(.*) -> $/, 'sys_exit_$1');
    this.separator = this.name === printed ? ': ' : '';
    this.decode = decoders.get(this.name);
  }
}

export class EventTally {
  readonly #all: NameCount[] = [];
  readonly #others = new NameCount('(other names)');
  readonly #names = new ByteInterner(KNOWN_NAMES, (printed) => {
    const count = new NameCount(printed);
    this.#all.push(count);
    return count;
  });

  /** The count of the event whose name is these bytes, with the `(` or ` -> ` that follows if it is a system call's. */
  of(bytes: Uint8Array, from: number, to: number): NameCount {
    return this.#names.find(bytes, from, to) ?? this.#others;
  }

  /** One column by name, without the zeros. */
  by(column: 'count' | 'unknown' | 'damaged' | 'unknownColumns'): Record<string, number> {
    const sums = new Map<string, number>();
    for (const row of [...this.#all, this.#others]) {
      if (row[column] > 0) sums.set(row.name, (sums.get(row.name) ?? 0) + row[column]);
    }
    return Object.fromEntries(sums);
  }
}
