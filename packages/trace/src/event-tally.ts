// Counts events by name.
import { ByteInterner } from './byte-interner.ts';
import type { Decode } from './decode.ts';
import { decoders } from './decoders.ts';

/** More distinct names than any kernel traces by default; the function tracer has more. */
const KNOWN_NAMES = 4096;

/** How often an event came, and what became of it. */
export class EventCount {
  readonly name: string;
  count = 0;
  /** Not decoded because nobody here knows it. */
  unknown = 0;
  /** Known here, and of a body that could not be read. */
  damaged = 0;
  /** Decoded, with more columns than known. */
  unknownColumns = 0;

  constructor(name: string) {
    this.name = name;
  }
}

export type CountColumn = 'count' | 'unknown' | 'damaged' | 'unknownColumns';

/** One column by name, without the zeros. */
export function countsByName(
  rows: Iterable<EventCount>,
  column: CountColumn,
): Record<string, number> {
  const sums = new Map<string, number>();
  for (const row of rows) {
    if (row[column] > 0) sums.set(row.name, (sums.get(row.name) ?? 0) + row[column]);
  }
  return Object.fromEntries(sums);
}

/** A count of a name as text prints it, and how to read what follows. */
export class NameCount extends EventCount {
  readonly decode: Decode | undefined;
  /** What stands between the name and the body, if it is no part of what was looked up. */
  readonly separator: '' | ': ';

  /**
   * `printed` as the file has it: ftrace says `sys_mmap(` for sys_enter_mmap and `sys_mmap -> ` for sys_exit_mmap; trace-cmd
   * and perf say `print` where ftrace says which function wrote the mark.
   */
  constructor(printed: string) {
    const isSyscall = /^sys_.*(\(| -> )$/.test(printed);
    super(
      printed
        .replace(/^sys_(.*)\($/, 'sys_enter_$1')
        .replace(/^sys_(.*) -> $/, 'sys_exit_$1')
        .replace(/^print$/, 'tracing_mark_write'),
    );
    this.separator = isSyscall ? '' : ': ';
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

  rows(): readonly EventCount[] {
    return [...this.#all, this.#others];
  }
}
