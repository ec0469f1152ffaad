// Clients of the dirty log beside a migration, a display and a backup: each copies what it is told, one of them often and the
// others seldom, and must have the guest's memory whenever it has taken all.
import type { Shared } from '@faultline/atomics';
import { PAGE_WORDS, type Vm } from '@faultline/mmu';
import type { Region } from './machine.ts';
import { Migration } from './migration.ts';

export interface LogReaderStat {
  /** Pages copied, each by one reader. */
  copied: number;
  /** Copies compared with the guest's memory, word by word. */
  compared: number;
  /** Words in which they differed: must stay 0. */
  differences: number;
}

/** The first reader takes each time, the second each third time, and so on. */
const TIMES_BETWEEN = 3;
/** Client 0 of the log is the migration. */
const FIRST_CLIENT = 1;

export class LogReaders {
  readonly stat: LogReaderStat = { copied: 0, compared: 0, differences: 0 };
  readonly #readers: readonly Migration[];
  #times = 0;

  constructor(mem: Shared, vm: Vm, regions: readonly Region[], count: number) {
    this.#readers = Array.from({ length: count }, (_, reader) => {
      const copy = new Int32Array(vm.hostPages * PAGE_WORDS);
      return new Migration(mem, vm, regions, copy, FIRST_CLIENT + reader);
    });
  }

  /** When logging has begun. */
  begin(): void {
    for (const reader of this.#readers) this.stat.copied += reader.sendAll();
  }

  /** Some of them harvest; how many pages they copied. */
  take(): number {
    const due = this.#readers.filter((_, reader) => this.#times % TIMES_BETWEEN ** reader === 0);
    this.#times++;
    const copied = due.reduce((sum, reader) => sum + reader.sendDirty(), 0);
    this.stat.copied += copied;
    return copied;
  }

  /** Each takes the rest, and is compared while the vCPUs stand still. Logging is still on. */
  compare(now: () => number): void {
    for (const reader of this.#readers) {
      const { rounds, differences } = reader.finish(now);
      this.stat.copied += rounds.at(-1) ?? 0;
      this.stat.compared++;
      this.stat.differences += differences;
    }
  }
}
