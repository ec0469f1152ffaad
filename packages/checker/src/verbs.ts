// What each verb of the seam does to the cells, said once for every search; and what has to be so that it can be done.
import { formatOperation } from '@faultline/atomics';
import {
  ADD,
  ALLOC,
  AND,
  CMPXCHG,
  ENTER_READ,
  EXIT_READ,
  FREE,
  type Instruction,
  LOAD,
  LOCK,
  NOTHING,
  NOTIFY,
  OR,
  READ_LOCK,
  READ_UNLOCK,
  STORE,
  SYNCHRONIZE,
  UNLOCK,
  WAIT,
  WAIT_UNTIL,
  WAIT_WHILE,
  WRITE_LOCK,
  WRITE_UNLOCK,
  XCHG,
  XOR,
} from './instruction.ts';
import type { Memory } from './memory.ts';
import type { Program } from './program.ts';
import { firstSleeper, isSleeper, withoutFirst, withSleeper } from './sleepers.ts';
import type { Fault } from './verdict.ts';

const WRITER = 1 << 31;
/** In a thread's grace cell: it waits in `synchronize`. Below it, a bit for each thread it waits for. */
const WAITING = 1 << 30;

/** What is wrong with a step. */
export interface StepFault {
  readonly fault: Fault;
  readonly property: string;
}

export class Verbs {
  /** What the last operation found. */
  low = 0;
  high = 0;
  fault: StepFault | undefined;
  readonly #memory: Memory;
  readonly #names: readonly string[];
  readonly #frames: Program['frames'];
  /** Told of each sleeper that a notify wakes. */
  readonly #wake: (thread: number) => void;

  constructor(memory: Memory, { threads, frames }: Program, wake: (thread: number) => void) {
    this.#memory = memory;
    this.#names = Object.keys(threads);
    this.#frames = frames;
    this.#wake = wake;
  }

  /** Can it be done now? Sleepers are not asked. */
  isPossible(thread: number, instruction: Instruction): boolean {
    const { code, cell } = instruction;
    if (code === SYNCHRONIZE) return (this.#memory.get(this.grace(thread)) & ~WAITING) === 0;
    return cell < 0 || this.isFree(instruction, this.#memory.get(cell));
  }

  /** Could the operation be done if its word held `value`? For locks, whose word alone decides. */
  isFree({ code }: Instruction, value: number): boolean {
    if (code === LOCK || code === WRITE_LOCK) return value === 0;
    if (code === READ_LOCK) return value >= 0;
    return true;
  }

  isAsleep(thread: number, { queue }: Instruction): boolean {
    return queue >= 0 && isSleeper(this.#memory.get(queue), thread);
  }

  /** Would this cmpxchg exchange now? */
  matches({ cell, cell2, a, b, mutation }: Instruction): boolean {
    if (this.#memory.get(cell) !== (a | 0)) return false;
    return cell2 < 0 || mutation === 'half' || this.#memory.get(cell2) === (b | 0);
  }

  writes(instruction: Instruction): boolean {
    const { code } = instruction;
    if (code === LOAD || code === NOTHING) return false;
    return code !== CMPXCHG || this.matches(instruction);
  }

  /** Of the verbs that sleep: is there no reason to? */
  goesOn({ code, cell, a, b }: Instruction): boolean {
    const value = this.#memory.get(cell);
    return code === WAIT_UNTIL ? (value & a) === (b | 0) : value !== (a | 0);
  }

  section(thread: number): number {
    return this.#memory.cells.cell('section', thread);
  }
  grace(thread: number): number {
    return this.#memory.cells.cell('grace', thread);
  }

  /** Says what is wrong with an operation that is about to be done. `own` is what the thread has stored to the word itself. */
  judge(thread: number, instruction: Instruction, own?: number): void {
    const { code, cell } = instruction;
    this.judgeFrame(thread, instruction);
    if (code === UNLOCK || code === READ_UNLOCK || code === WRITE_UNLOCK) {
      this.#judgeUnlock(thread, instruction, own ?? this.#memory.get(cell));
    }
  }

  judgeFrame(thread: number, { code, freed, operation }: Instruction): void {
    if (freed < 0 || code === FREE || this.#memory.get(freed) === 0) return;
    this.#say('use after free', thread, `${formatOperation(operation)} in a freed frame`);
  }

  #judgeUnlock(thread: number, instruction: Instruction, word: number): void {
    const { code } = instruction;
    if (code === UNLOCK) this.#expect(word === 1, thread, instruction, 'a lock that is held');
    if (code === READ_UNLOCK) {
      this.#expect(word > 0, thread, instruction, 'a lock that is held for reading');
    }
    if (code === WRITE_UNLOCK) {
      this.#expect(word === WRITER, thread, instruction, 'a lock that is held for writing');
    }
  }

  /** Carries an operation out; false if the thread now sleeps, or has more to do before it can go on. */
  perform(thread: number, instruction: Instruction): boolean {
    const { code, cell, cell2, a, b, c, d } = instruction;
    this.low = cell >= 0 ? this.#memory.get(cell) : 0;
    this.high = cell2 >= 0 ? this.#memory.get(cell2) : 0;
    switch (code) {
      case LOAD:
        return true;
      case STORE:
      case XCHG:
        this.#put(instruction, a, b);
        return true;
      case CMPXCHG:
        if (this.matches(instruction)) {
          if (cell2 < 0) this.#put(instruction, b, 0);
          else this.#put(instruction, c, d);
        }
        return true;
      case OR:
        this.#put(instruction, this.low | a, this.high | b);
        return true;
      case AND:
        this.#put(instruction, this.low & a, this.high & b);
        return true;
      case XOR:
        this.#put(instruction, this.low ^ a, this.high ^ b);
        return true;
      case ADD: {
        const carry = (this.low >>> 0) + (a >>> 0) >= 2 ** 32 ? 1 : 0;
        this.#put(instruction, this.low + a, this.high + b + carry);
        return true;
      }
      default:
        return this.#performOther(thread, instruction);
    }
  }

  #put({ code, cell, cell2 }: Instruction, low: number, high: number): void {
    this.#memory.put(cell, low | 0);
    if (cell2 >= 0) this.#memory.put(cell2, high | 0);
    if (code !== STORE) return;
    this.low = 0;
    this.high = 0;
  }

  #performOther(thread: number, instruction: Instruction): boolean {
    const { code, a, b } = instruction;
    const word = this.low;
    this.low = 0;
    this.high = 0;
    switch (code) {
      case WAIT:
      case WAIT_UNTIL:
      case WAIT_WHILE:
        return this.#wait(thread, instruction);
      case NOTIFY:
        this.low = this.#notify(instruction.queue, a);
        return true;
      case ENTER_READ:
        this.#memory.put(this.section(thread), this.#memory.get(this.section(thread)) + 1);
        return true;
      case EXIT_READ:
        this.#exitRead(thread, instruction);
        return true;
      case SYNCHRONIZE:
        return this.#synchronize(thread);
      case ALLOC:
        this.#alloc(thread);
        return true;
      case FREE:
        this.#expect(
          this.#memory.get(instruction.freed) === 0,
          thread,
          instruction,
          'a frame in use',
        );
        this.#memory.put(instruction.freed, 1);
        return true;
      case NOTHING:
        this.low = a | 0;
        this.high = b | 0;
        return true;
      default:
        this.#lockOrUnlock(instruction, word); // a FENCE does nothing here
        return true;
    }
  }

  #lockOrUnlock({ code, cell }: Instruction, word: number): void {
    if (code === LOCK) this.#memory.put(cell, 1);
    if (code === READ_LOCK) this.#memory.put(cell, word + 1);
    if (code === WRITE_LOCK) this.#memory.put(cell, WRITER);
    if (code === UNLOCK || code === WRITE_UNLOCK) this.#memory.put(cell, 0);
    if (code === READ_UNLOCK) this.#memory.put(cell, word - 1);
  }

  #wait(thread: number, instruction: Instruction): boolean {
    const { code, queue } = instruction;
    if (this.goesOn(instruction)) {
      this.low = code === WAIT ? 1 : 0;
      return true;
    }
    this.#memory.put(queue, withSleeper(this.#memory.get(queue), thread));
    return false;
  }

  /** Wakes the first `most` sleepers (all if negative), in the order in which they fell asleep; how many. */
  #notify(queue: number, most: number): number {
    let woken = 0;
    while (this.#memory.get(queue) !== 0 && (most < 0 || woken < most)) {
      const sleeper = firstSleeper(this.#memory.get(queue));
      this.#memory.put(queue, withoutFirst(this.#memory.get(queue)));
      woken++;
      this.#wake(sleeper);
    }
    return woken;
  }

  #exitRead(thread: number, instruction: Instruction): void {
    const section = this.section(thread);
    const depth = this.#memory.get(section);
    this.#expect(depth > 0, thread, instruction, 'a read section');
    this.#memory.put(section, depth - 1);
    if (depth > 1) return;
    for (let other = 0; other < this.#names.length; other++) {
      const waiting = this.#memory.get(this.grace(other));
      if (waiting !== 0) this.#memory.put(this.grace(other), waiting & ~(1 << thread));
    }
  }

  /** The first step notes whom to wait for; the second finds that they have left. */
  #synchronize(thread: number): boolean {
    const grace = this.grace(thread);
    if ((this.#memory.get(grace) & WAITING) !== 0) {
      this.#memory.put(grace, 0);
      return true;
    }
    let inside = 0;
    for (let other = 0; other < this.#names.length; other++) {
      if (other !== thread && this.#memory.get(this.section(other)) > 0) inside |= 1 << other;
    }
    if (inside === 0) return true;
    this.#memory.put(grace, WAITING | inside);
    return false;
  }

  /** Each thread has frames of its own, handed out once: none is used again within a search. */
  #alloc(thread: number): void {
    const frames = this.#frames;
    const cell = this.#memory.cells.cell('alloc', thread);
    const taken = this.#memory.get(cell);
    const each = Math.floor((frames?.frames ?? 0) / (this.#names.length + 1));
    if (frames === undefined || taken >= each) {
      this.#say('misuse', thread, `alloc: expected a free frame, got none of ${each}`);
      return;
    }
    this.#memory.put(cell, taken + 1);
    this.low = frames.framesAt + (thread * each + taken) * frames.frameBytes;
  }

  #expect(fits: boolean, thread: number, { operation }: Instruction, expected: string): void {
    if (!fits) this.#say('misuse', thread, `${formatOperation(operation)}: expected ${expected}`);
  }

  #say(fault: Fault, thread: number, what: string): void {
    const property = `${this.#names[thread] ?? 'setup'} ${what}`;
    if (this.#memory.isBeginning) throw new Error(property);
    this.fault ??= { fault, property };
  }
}
