// Which cells only one thread touches, and which nobody writes. Operations on those are seen by no one else, so that a
// search may take them together with the step before. It is learned as the search goes: where it turns out wrong, the search
// begins anew, knowing better (Restart). Sound, because up to the first step that shows it wrong it was right.
import {
  ALLOC,
  ENTER_READ,
  EXIT_READ,
  FENCE,
  FREE,
  type Instruction,
  LOAD,
  NOTHING,
  NOTIFY,
  STORE,
  SYNCHRONIZE,
  UNLOCK,
  WAIT,
  WRITE_UNLOCK,
} from './instruction.ts';
import type { Memory } from './memory.ts';
import type { Verbs } from './verbs.ts';

const NOBODY = -1;
const SHARED = -2;

/** A cell was taken for private or constant and is neither: everything has to be searched again. */
export class Restart extends Error {}

export class Privacy {
  readonly #memory: Memory;
  readonly #verbs: Verbs;
  /** Under TSO: has the thread stores in its buffer? */
  readonly #isBuffering: ((thread: number) => boolean) | undefined;
  /** Threads that trade places, as bits: what one of them touches, the others touch in a mirrored state. */
  readonly #alike: number;
  /** Per cell: the only thread that has touched it, NOBODY or SHARED; was it written; was anything taken together for that. */
  readonly #owner: number[] = [];
  readonly #written: boolean[] = [];
  readonly #relied: boolean[] = [];
  /** Was it loaded with a step before while stores waited in the buffer, because nobody had written it? */
  readonly #passed: boolean[] = [];
  /** Whether anybody has waited for read sections. */
  #synchronizes = false;

  constructor(
    memory: Memory,
    verbs: Verbs,
    {
      alike,
      isBuffering,
    }: { alike: number; isBuffering?: ((thread: number) => boolean) | undefined },
  ) {
    this.#alike = alike;
    this.#memory = memory;
    this.#verbs = verbs;
    this.#isBuffering = isBuffering;
  }

  /** May the thread's next operation be taken together with the step before? If so, that is relied on from now on. */
  covers(thread: number, instruction: Instruction): boolean {
    const { code, cell, cell2, queue, freed } = instruction;
    if (code === NOTHING || code === ALLOC) return true;
    if (code === FENCE) return this.#isBuffering === undefined;
    if (code === ENTER_READ || code === EXIT_READ) return !this.#synchronizes;
    if (code === NOTIFY) {
      return this.#isBuffering?.(thread) !== true && this.#rely(queue, thread, false);
    }
    if (code >= WAIT || !this.#verbs.isPossible(thread, instruction)) return false;
    if (!this.#ignoresBuffer(thread, instruction)) return false;
    const writes = code !== LOAD;
    if (freed >= 0 && !this.#rely(freed, thread, false)) return false;
    if (!this.#rely(cell, thread, writes)) return false;
    return cell2 < 0 || this.#rely(cell2, thread, writes);
  }

  /** Learns from an operation that is about to be done who touches what. Throws a Restart. */
  learn(thread: number, instruction: Instruction): void {
    const { code, cell, cell2, queue, freed } = instruction;
    if (freed >= 0) this.#note(freed, thread, code === FREE);
    if (queue >= 0) {
      const wakes = code === NOTIFY && this.#memory.get(queue) !== 0;
      const sleeps = code !== NOTIFY && !this.#verbs.goesOn(instruction);
      this.#note(queue, thread, wakes || sleeps);
      if (code !== NOTIFY) this.#note(cell, thread, false);
      return;
    }
    if (code === SYNCHRONIZE && !this.#synchronizes) {
      this.#synchronizes = true;
      throw new Restart();
    }
    if (cell < 0) return;
    this.#note(cell, thread, code !== LOAD);
    if (cell2 >= 0) this.#note(cell2, thread, code !== LOAD);
  }

  /** A property looks at `cell`: its writes are steps of their own from now on. Throws a Restart. */
  watch(cell: number): void {
    if (this.#memory.watched[cell] === true) return;
    this.#memory.watched[cell] = true;
    if (this.#relied[cell] === true && this.#written[cell] === true) throw new Restart();
  }

  /** Is the operation the same with a buffer as without: no store that would wait, and nothing waiting that it would pass? */
  #ignoresBuffer(thread: number, { code, plain, cell, cell2 }: Instruction): boolean {
    if (this.#isBuffering === undefined) return true;
    if ((code === STORE && plain) || code === UNLOCK || code === WRITE_UNLOCK) return false;
    if (!this.#isBuffering(thread)) return true;
    if (code !== LOAD || this.#written[cell] === true || this.#written[cell2] === true)
      return false;
    this.#passed[cell] = true;
    if (cell2 >= 0) this.#passed[cell2] = true;
    return true;
  }

  #rely(cell: number, thread: number, writes: boolean): boolean {
    if (writes && this.#memory.watched[cell] === true) return false;
    const owner = this.#owner[cell] ?? NOBODY;
    const isMine = !this.#isAlike(thread) && (owner === NOBODY || owner === thread);
    if (!isMine && (writes || this.#written[cell] === true)) return false;
    this.#relied[cell] = true;
    return true;
  }

  #note(cell: number, thread: number, writes: boolean): void {
    const owner = this.#owner[cell] ?? NOBODY;
    const written = this.#written[cell] ?? false;
    const isFirst = owner === NOBODY || owner === thread;
    const next = isFirst && !this.#isAlike(thread) ? thread : SHARED;
    if (next === owner && (written || !writes)) return;
    this.#owner[cell] = next;
    this.#written[cell] = written || writes;
    if (this.#relied[cell] === true && next === SHARED && (written || writes)) {
      this.#relied[cell] = false;
      throw new Restart();
    }
    // Such a load will wait for its turn from now on: steps taken so far are not those of a replay.
    if (!written && writes && this.#passed[cell] === true) throw new Restart();
  }

  #isAlike(thread: number): boolean {
    return (this.#alike & (1 << thread)) !== 0;
  }
}
