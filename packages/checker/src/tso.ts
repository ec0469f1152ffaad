// x86-TSO: a plain store waits in its thread's buffer until it is drained; the thread's own loads see it there; locked
// operations, fences and system calls (wait, notify) need the buffer empty. (Sewell, Sarkar, Owens, Zappa Nardelli, Myreen:
// x86-TSO, CACM 2010.)
import {
  ALLOC,
  ENTER_READ,
  EXIT_READ,
  type Instruction,
  LOAD,
  NOTHING,
  STORE,
  UNLOCK,
  WRITE_UNLOCK,
} from './instruction.ts';
import type { Memory } from './memory.ts';
import { type BufferedStore, StoreBuffers } from './store-buffers.ts';

/** On x86 a mutex or a write lock is released by a plain store of 0. */
const isPlainStore = ({ code, plain }: Instruction): boolean =>
  (code === STORE && plain) || code === UNLOCK || code === WRITE_UNLOCK;

export class Tso {
  readonly #memory: Memory;
  readonly #buffers: StoreBuffers = new StoreBuffers();

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  isBuffering(thread: number): boolean {
    return this.#memory.get(this.#cell(thread)) !== 0;
  }

  /** May the thread do it with what is in its buffer? A load of half of a waiting store waits for it, as hardware's does. */
  isPossible(thread: number, instruction: Instruction): boolean {
    const buffer = this.#memory.get(this.#cell(thread));
    if (buffer === 0 || isPlainStore(instruction)) return true;
    const { code, cell, cell2 } = instruction;
    if (code === LOAD) return this.#buffers.find(buffer, cell, cell2) !== 'partly';
    return code === NOTHING || code === ALLOC || code === ENTER_READ || code === EXIT_READ;
  }

  /** What the thread sees in its own buffer of the word that it operates on; undefined if nothing. */
  seen(thread: number, { cell, cell2 }: Instruction): number | undefined {
    const found = this.#buffers.find(this.#memory.get(this.#cell(thread)), cell, cell2);
    return found === 'partly' ? undefined : found?.low;
  }

  /** Stores into the buffer, or loads from it: what was found; undefined if memory has to be asked. */
  perform(
    thread: number,
    instruction: Instruction,
  ): { readonly low: number; readonly high: number } | undefined {
    const { code, cell, cell2, a, b } = instruction;
    const own = this.#cell(thread);
    const buffer = this.#memory.get(own);
    if (code === LOAD) {
      const found = this.#buffers.find(buffer, cell, cell2);
      return found === 'partly' ? undefined : found;
    }
    if (!isPlainStore(instruction)) return undefined;
    const [low, high] = code === STORE ? [a | 0, b | 0] : [0, 0];
    const store = { by: instruction, cell, cell2, low, high };
    this.#memory.put(own, this.#buffers.append(buffer, store));
    return { low: 0, high: 0 };
  }

  /** The oldest store of the buffer reaches memory. */
  drain(thread: number): void {
    const own = this.#cell(thread);
    const { entry, rest } = this.#buffers.oldest(this.#memory.get(own));
    this.#memory.put(own, rest);
    this.#memory.put(entry.cell, entry.low);
    if (entry.cell2 >= 0) this.#memory.put(entry.cell2, entry.high);
  }

  oldest(thread: number): BufferedStore {
    return this.#buffers.oldest(this.#memory.get(this.#cell(thread))).entry;
  }

  #cell(thread: number): number {
    return this.#memory.cells.cell('buffer', thread);
  }
}
