// Source-DPOR with sleep sets: one execution of each class of executions that differ only in the order of independent steps.
// Keeps no states. Promises all ends and deadlocks, and properties, because writes that one property looks at do not commute
// (Abdulla, Aronsson, Jonsson, Sagonas: Source sets, JACM 2017).

import { MOST_TOUCHED } from '../footprint.ts';
import type { Judge } from '../judge.ts';
import type { Machine } from '../machine.ts';
import { Restart } from '../privacy.ts';
import type { StepFault } from '../verbs.ts';
import { type Found, OutOfTime, type SearchContext } from './search.ts';

/** Levels of a path: an execution that goes on for longer is taken for one that never ends. */
const MOST_STEPS = 5_000;
const TOO_DEEP = `an execution of more than ${MOST_STEPS} steps: a loop that waits needs the search states`;

/** One step of the path, and the choice that was made before it. */
class Level {
  /** Who may be tried here, who need not be, and who could go on: threads as bits. */
  backtrack = 0;
  sleeping = 0;
  enabled = 0;
  thread = -1;
  /** The journal before the step. */
  mark = 0;
  /** What the step touched, as Machine.footprint has it. */
  readonly touched = new Int32Array(MOST_TOUCHED);
  touches = 0;
  /** By thread: level of its last step that happened before this one, this one included; -1 if none. */
  readonly clock: Int32Array;
  /** Of the thread that stepped: its step before, and the step that had woken it; -1 if none. */
  before = -1;
  wokenAt = -1;
  /** Threads that the step woke, as bits. */
  woke = 0;

  constructor(threads: number) {
    this.clock = new Int32Array(threads);
  }
}

/** Where a search begins, if not at the beginning. Both speak of single operations: the machine must not fold. */
export interface Start {
  /** Only what begins with these steps: one of the parts that `splitDpor` has cut the search into. */
  readonly part?: readonly number[] | undefined;
  /** Where another search stopped: thread, backtrack set and sleep set of each level, from the first. */
  readonly position?: Position | undefined;
}
export type Position = readonly (readonly [thread: number, backtrack: number, sleeping: number])[];

export function searchDpor(
  context: SearchContext,
  start: Start = {},
): Found & { position: Position } {
  const dpor = new Dpor(context);
  const found = dpor.search(start);
  return { ...found, position: dpor.position() };
}

/** Cuts the search into parts that together are all of it: every beginning of `depth` steps that is worth following. */
export const splitDpor = (context: SearchContext, depth: number): number[][] =>
  new Dpor(context).split(depth);

class Dpor {
  readonly #machine: Machine;
  readonly #judge: Judge;
  readonly #order: readonly number[];
  readonly #limits: SearchContext['limits'];
  readonly #threads: number;
  readonly #levels: Level[] = [];
  #depth = 0;
  /** By thread: level of its last step, and of the step that woke it since; -1 if none. */
  readonly #last: Int32Array;
  readonly #wokenAt: Int32Array;
  readonly #pending = new Int32Array(MOST_TOUCHED);
  readonly #clock: Int32Array;
  readonly #own: Int32Array;
  /** Levels racing with the step that is looked at. */
  readonly #racing: number[] = [];
  #transitions = 0;
  #executions = 0;
  #blocked = 0;
  readonly #countBad: boolean;
  #bad = 0;
  #deepest = 0;
  /** Levels above it belong to others. */
  #floor = 0;
  /** Nobody could go on from the state that was reached last. */
  #atEnd = false;
  /** Until the search has come to where it goes on: that place. */
  #toResume: Position | undefined;

  constructor({ machine, judge, order, limits, countBad = false }: SearchContext) {
    this.#countBad = countBad;
    this.#machine = machine;
    this.#judge = judge;
    this.#order = order;
    this.#limits = limits;
    this.#threads = machine.threads;
    this.#clock = new Int32Array(machine.threads);
    this.#own = new Int32Array(machine.threads);
    this.#last = new Int32Array(machine.threads).fill(-1);
    this.#wokenAt = new Int32Array(machine.threads).fill(-1);
  }

  /** Ends where it stands when a step cannot be taken in time. */
  search(start: Start): Found {
    this.#toResume = start.position ?? [];
    try {
      return this.#search(start);
    } catch (error) {
      if (error instanceof OutOfTime) return this.#found({ budget: error.message });
      throw error;
    }
  }

  #search({ part, position = [] }: Start): Found {
    let fault = this.#begin();
    if (fault === undefined && part !== undefined) fault = this.#follow(part);
    if (fault === undefined) fault = this.#resume(position);
    this.#toResume = undefined;
    let first: Found['violation'];
    for (;;) {
      if (fault !== undefined) {
        first ??= { fault, schedule: this.#path() };
        this.#bad++;
        // Only an end can be gone past: what comes after another fault means nothing.
        if (!this.#countBad || !this.#atEnd) {
          return this.#found({ violation: first });
        }
        fault = undefined;
      }
      const level = this.#level(this.#depth);
      const left = level.backtrack & ~level.sleeping & level.enabled;
      if (left !== 0) {
        fault = this.#take(this.#firstOf(left));
        const budget = this.#limits.exceeded({ states: 0, executions: this.#executions, bytes: 0 });
        const ended = this.#depth > MOST_STEPS ? TOO_DEEP : budget;
        if (ended !== undefined && fault === undefined) {
          return this.#found(first === undefined ? { budget: ended } : { violation: first });
        }
      } else if (this.#depth > this.#floor) {
        this.#back();
      } else {
        return this.#found(first === undefined ? {} : { violation: first });
      }
    }
  }

  position(): Position {
    if (this.#toResume !== undefined) return this.#toResume;
    const levels = this.#levels.slice(0, this.#depth + 1);
    return levels.map(({ thread, backtrack, sleeping }) => [thread, backtrack, sleeping]);
  }

  split(depth: number): number[][] {
    const parts: number[][] = [];
    const visit = (): void => {
      const { enabled, sleeping } = this.#level(this.#depth);
      if (this.#depth === depth || enabled === 0) {
        parts.push(this.#path());
        return;
      }
      for (const thread of this.#order) {
        if ((enabled & ~sleeping & (1 << thread)) === 0) continue;
        // A fault ends its part: whoever searches it will meet the fault.
        if (this.#take(thread) === undefined) visit();
        else parts.push(this.#path());
        this.#back();
      }
    };
    if (this.#begin() === undefined) visit();
    else parts.push([]);
    return parts;
  }

  #begin(): StepFault | undefined {
    this.#machine.reset();
    const wrong = this.#judge.first();
    this.#judge.grown = false;
    return wrong ?? this.#open(0);
  }

  #path(): number[] {
    return this.#levels.slice(0, this.#depth).map(({ thread }) => thread);
  }

  /** Goes to the beginning of a part. What other parts try on the way is asleep here. */
  #follow(part: readonly number[]): StepFault | undefined {
    for (const thread of part) {
      const level = this.#level(this.#depth);
      for (const other of this.#order) {
        if (other === thread) break;
        level.sleeping |= level.enabled & (1 << other);
      }
      const fault = this.#take(thread);
      if (fault !== undefined) return fault;
    }
    this.#floor = part.length;
    return undefined;
  }

  #resume(position: Position): StepFault | undefined {
    for (const [index, [thread, backtrack, sleeping]] of position.entries()) {
      const level = this.#level(this.#depth);
      level.backtrack = backtrack;
      level.sleeping = sleeping;
      if (index === position.length - 1) break;
      if ((level.enabled & (1 << thread)) === 0) throw new RangeError(otherProgram(index));
      const fault = this.#take(thread);
      if (fault !== undefined) return fault;
    }
    if (position.length > 0) {
      this.#executions = 0;
      this.#transitions = 0;
      this.#blocked = 0;
    }
    return undefined;
  }

  #found(extra: Partial<Found>): Found {
    return {
      states: 0,
      transitions: this.#transitions,
      executions: this.#executions,
      ...(this.#countBad ? { bad: this.#bad } : {}),
      blocked: this.#blocked,
      depth: this.#deepest,
      bytesPerState: 0,
      ...extra,
    };
  }

  #level(depth: number): Level {
    let level = this.#levels[depth];
    if (level === undefined) {
      level = new Level(this.#threads);
      this.#levels[depth] = level;
    }
    return level;
  }

  /** Opens the state that was just reached. */
  #open(sleeping: number): StepFault | undefined {
    const level = this.#level(this.#depth);
    level.sleeping = sleeping;
    level.backtrack = 0;
    level.enabled = 0;
    for (let thread = 0; thread < this.#threads; thread++) {
      if (this.#machine.isEnabled(thread)) level.enabled |= 1 << thread;
    }
    if (this.#depth > this.#deepest) this.#deepest = this.#depth;
    if (level.enabled === 0) {
      this.#executions++;
      this.#atEnd = true;
      this.#raceOfTheBlocked();
      return this.#judge.atEnd();
    }
    const fault =
      this.#machine.hasIdle && this.#machine.isQuiet() ? this.#judge.atEnd() : undefined;
    if (fault !== undefined) return fault;
    const awake = level.enabled & ~sleeping;
    if (awake === 0) this.#blocked++;
    else level.backtrack = 1 << this.#firstOf(awake);
    return undefined;
  }

  #firstOf(bits: number): number {
    for (const thread of this.#order) if ((bits & (1 << thread)) !== 0) return thread;
    throw new Error('expected a thread');
  }

  #take(thread: number): StepFault | undefined {
    const machine = this.#machine;
    const depth = this.#depth;
    const level = this.#level(depth);
    level.thread = thread;
    level.touches = machine.footprint(thread, level.touched);
    const sleeping = this.#stillAsleep(level);
    this.#raceWith(thread, level.touched, level.touches);
    copy(this.#clock, level.clock);
    level.clock[thread] = depth;
    level.mark = machine.state.mark();
    level.before = this.#last[thread] as number;
    level.wokenAt = this.#wokenAt[thread] as number;
    this.#last[thread] = depth;
    this.#wokenAt[thread] = -1;
    machine.step(thread);
    this.#depth++; // now: a step that could not be learned in time was not taken
    this.#transitions++;
    level.woke = machine.woken;
    // Who could have woken by itself, by a timeout, has lost that step: it is no event that a race could be seen with.
    if (depth >= this.#floor) level.backtrack |= level.woke & level.enabled;
    this.#noteWoken(level.woke, depth);
    const fault = this.#judge.afterStep();
    // Races were judged by what properties looked at so far: more of them do not commute.
    if (this.#judge.grown) throw new Restart();
    this.#atEnd = false;
    return fault ?? this.#open(sleeping);
  }

  #back(): void {
    this.#depth--;
    const level = this.#level(this.#depth);
    this.#machine.state.undoTo(level.mark);
    this.#noteWoken(level.woke, -1);
    this.#last[level.thread] = level.before;
    this.#wokenAt[level.thread] = level.wokenAt;
    level.sleeping |= 1 << level.thread;
  }

  /** Sleepers that the step about to be taken does not concern. */
  #stillAsleep({ sleeping, touched, touches }: Level): number {
    let still = 0;
    for (let other = 0; other < this.#threads; other++) {
      if ((sleeping & (1 << other)) === 0) continue;
      const length = this.#machine.footprint(other, this.#pending);
      if (!this.#conflict(this.#pending, length, touched, touches)) still |= 1 << other;
    }
    return still;
  }

  /** Whoever was woken goes on after the step that woke him. He was asleep, so he had not been woken before. */
  #noteWoken(woken: number, depth: number): void {
    for (let thread = 0; woken >>> thread !== 0; thread++) {
      if ((woken & (1 << thread)) !== 0) this.#wokenAt[thread] = depth;
    }
  }

  /** What happened before the next step of `thread` without regard to what that touches, into `clock`. */
  #ownClock(thread: number, clock: Int32Array): void {
    const last = this.#last[thread] as number;
    const wokenAt = this.#wokenAt[thread] as number;
    if (last < 0) clock.fill(-1);
    else copy((this.#levels[last] as Level).clock, clock);
    if (wokenAt >= 0) join((this.#levels[wokenAt] as Level).clock, clock);
  }

  #conflict(a: Int32Array, lengthA: number, b: Int32Array, lengthB: number): boolean {
    const { looks } = this.#judge;
    const noneLooks = looks.length === 0;
    for (let i = 0; i < lengthA; i++) {
      const x = a[i] as number;
      for (let j = 0; j < lengthB; j++) {
        const y = b[j] as number;
        if (x >> 1 === y >> 1) {
          if (((x | y) & 1) !== 0) return true;
        } else if (!noneLooks && (x & y & 1) !== 0) {
          if (((looks[x >> 1] ?? 0) & (looks[y >> 1] ?? 0)) !== 0) return true;
        }
      }
    }
    return false;
  }

  /** A thread that is left waiting for a lock might have had it first. */
  #raceOfTheBlocked(): void {
    for (let thread = 0; thread < this.#threads; thread++) {
      const { instruction } = this.#machine.node(thread);
      if (instruction === undefined || instruction.queue >= 0) continue;
      const length = this.#machine.footprint(thread, this.#pending);
      this.#raceWith(thread, this.#pending.slice(0, length), length);
    }
  }

  /**
   * Leaves the clock of the next step of `thread` in #clock and sees to it that each step that races with it is reversed. A
   * step that could not have been taken just before another does not race with that one but with an earlier one.
   */
  #raceWith(thread: number, touched: Int32Array, touches: number): void {
    const machine = this.#machine;
    const clock = this.#clock;
    this.#ownClock(thread, clock);
    const { instruction } = machine.node(thread);
    const slot = instruction === undefined ? -1 : machine.lockSlot(instruction);
    let value = slot < 0 ? 0 : (machine.state.values[slot] as number);
    let hindered = false;
    if (slot >= 0) copy(clock, this.#own);
    this.#racing.length = 0;
    for (let depth = this.#depth - 1; depth >= 0; depth--) {
      const level = this.#levels[depth] as Level;
      if (slot >= 0) value = this.#valueBefore(depth, slot) ?? value;
      if (!this.#conflict(level.touched, level.touches, touched, touches)) continue;
      if (level.thread !== thread) {
        const known = (hindered ? this.#own : clock)[level.thread] as number;
        if (known < depth) {
          hindered =
            slot >= 0 && instruction !== undefined && !machine.verbs.isFree(instruction, value);
          if (!hindered) this.#racing.push(depth);
        }
      }
      for (let of = 0; of < this.#threads; of++) {
        if ((level.clock[of] as number) > (clock[of] as number))
          clock[of] = level.clock[of] as number;
      }
    }
    for (const depth of this.#racing) this.#reverse(depth, thread);
  }

  #valueBefore(depth: number, slot: number): number | undefined {
    const { state } = this.#machine;
    const { mark } = this.#levels[depth] as Level;
    const end = depth + 1 < this.#depth ? (this.#levels[depth + 1] as Level).mark : state.mark();
    return state.changedBetween(mark, end, slot);
  }

  /** Makes the next step of `thread` be taken before that of level `depth`, too, if nothing chosen there leads to that. */
  #reverse(depth: number, thread: number): void {
    if (depth < this.#floor) return; // other parts see to that
    const level = this.#levels[depth] as Level;
    const initials = this.#initials(depth, thread);
    if ((level.backtrack & initials) !== 0) return;
    const able = initials & level.enabled;
    if (able === 0) level.backtrack |= level.enabled;
    else level.backtrack |= (able & (1 << thread)) !== 0 ? 1 << thread : able & -able;
  }

  /** Threads with which the steps that do not depend on `depth`'s, and then `thread`'s, can begin: as bits. */
  #initials(depth: number, thread: number): number {
    const first = (this.#levels[depth] as Level).thread;
    let initials = 0;
    let later = 0; // threads that have a step among those, as bits: their first one decides
    for (let at = depth + 1; at <= this.#depth; at++) {
      const isNext = at === this.#depth;
      const level = this.#levels[at] as Level;
      const clock = isNext ? this.#clock : level.clock;
      const who = isNext ? thread : level.thread;
      if (!isNext && (clock[first] as number) >= depth) continue;
      if ((later & (1 << who)) !== 0) continue;
      later |= 1 << who;
      if (!this.#follows(depth, at, clock, who, first)) initials |= 1 << who;
    }
    return initials;
  }

  /** Does the step at `at` depend on one between, that does not itself depend on `depth`'s? */
  #follows(depth: number, at: number, clock: Int32Array, who: number, first: number): boolean {
    for (let between = depth + 1; between < at; between++) {
      const level = this.#levels[between] as Level;
      if (level.thread === who || (level.clock[first] as number) >= depth) continue;
      if ((clock[level.thread] as number) >= between) return true;
    }
    return false;
  }
}

const otherProgram = (step: number): string =>
  `expected a position in this program, got one whose step ${step + 1} it cannot take; ` +
  'usual cause: the program is another one now';

function copy(from: Int32Array, to: Int32Array): void {
  for (let thread = 0; thread < to.length; thread++) to[thread] = from[thread] as number;
}

function join(from: Int32Array, to: Int32Array): void {
  for (let thread = 0; thread < to.length; thread++) {
    if ((from[thread] as number) > (to[thread] as number)) to[thread] = from[thread] as number;
  }
}
