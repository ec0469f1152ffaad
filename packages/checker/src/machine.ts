// All threads and the words between them, one step at a time, with undo. An agent is what may take the next step: thread t is
// agent t; under TSO the store buffer of thread t is agent T + t.
import { AskingShared, formatOperation, type Shared } from '@faultline/atomics';
import { Automaton } from './automaton.ts';
import type { Cells } from './cells.ts';
import { footprint } from './footprint.ts';
import {
  compile,
  type Instruction,
  LOAD,
  LOCK,
  READ_LOCK,
  WAIT,
  WRITE_LOCK,
} from './instruction.ts';
import { Memory } from './memory.ts';
import type { Alter } from './mutation.ts';
import type { Node, Pending } from './node.ts';
import { Privacy } from './privacy.ts';
import type { Body, MemoryModel, Program, Thread } from './program.ts';
import { MOST_THREADS, withoutSleeper } from './sleepers.ts';
import type { State } from './state.ts';
import { groupsOf, refuseInGroup } from './symmetry.ts';
import { threadOf } from './thread.ts';
import { Tso } from './tso.ts';
import { type StepFault, Verbs } from './verbs.ts';

export interface MachineOptions {
  readonly model: MemoryModel;
  readonly merge: boolean;
  readonly symmetry: boolean;
  readonly spuriousWakeups: boolean;
  readonly operations: number;
  /** false: `step` is one operation, whoever could see it. */
  readonly fold: boolean;
  readonly alter?: Alter | undefined;
  /** Called before each run of a thread's body; throws when time is up. */
  readonly pulse?: () => void;
}

/** Is told of every operation, in order: for a replay. `agent` as in `step`. */
export interface StepObserver {
  before(agent: number): void;
  /** The thread was given what its operation found. */
  answered(thread: number, low: number, high: number): void;
  after(agent: number): void;
}

export class Machine {
  readonly names: readonly string[];
  readonly threads: number;
  readonly automata: readonly Automaton[];
  readonly memory: Memory = new Memory();
  readonly verbs: Verbs;
  /** Groups of threads that may trade places. */
  readonly groups: readonly (readonly number[])[];
  observer: StepObserver | undefined;
  /** Threads that the last step woke, as bits. */
  woken = 0;

  readonly #program: Program;
  readonly #options: MachineOptions;
  readonly #tso: Tso | undefined;
  readonly #privacy: Privacy;

  /** Runs the program's setup. */
  constructor(program: Program, options: MachineOptions) {
    this.#program = program;
    this.#options = options;
    this.names = Object.keys(program.threads);
    this.threads = this.names.length;
    if (this.threads === 0 || this.threads > MOST_THREADS) {
      throw new RangeError(
        `${program.name}: expected 1 to ${MOST_THREADS} threads, got ${this.threads}`,
      );
    }
    this.groups = options.symmetry ? groupsOf(program) : [];
    this.verbs = new Verbs(this.memory, program, (thread) => this.#wake(thread));
    const tso = options.model === 'tso' ? new Tso(this.memory) : undefined;
    this.#tso = tso;
    const alike = this.groups.flatMap((group) => (group.length > 1 ? group : []));
    this.#privacy = new Privacy(this.memory, this.verbs, {
      alike: alike.reduce((bits, thread) => bits | (1 << thread), 0),
      isBuffering: tso && ((thread) => tso.isBuffering(thread)),
    });
    this.#runSetup();
    this.automata = this.#makeAutomata();
    this.automata.forEach((automaton, thread) => {
      const group = this.groups.find((members) => members.includes(thread));
      this.state.addSlot(automaton.start().id, group?.[0] ?? thread);
    });
  }

  get state(): State {
    return this.memory.state;
  }
  get cells(): Cells {
    return this.memory.cells;
  }
  get agents(): number {
    return this.#tso === undefined ? this.threads : 2 * this.threads;
  }
  get fault(): StepFault | undefined {
    return this.verbs.fault;
  }

  node(thread: number): Node {
    return (this.automata[thread] as Automaton).nodes[this.state.values[thread] as number] as Node;
  }

  /** Back to the first state, with the threads at their first shared operation. */
  reset(): void {
    this.state.reset();
    this.verbs.fault = undefined;
    for (let thread = 0; thread < this.threads; thread++) {
      this.#noteThrow(thread, this.node(thread));
      this.#fold(thread);
    }
  }

  /** May `agent` take a step? */
  isEnabled(agent: number): boolean {
    if (agent >= this.threads) return this.#tso?.isBuffering(agent - this.threads) === true;
    const { instruction } = this.node(agent);
    if (instruction === undefined) return false;
    if (this.verbs.isAsleep(agent, instruction)) {
      return this.#options.spuriousWakeups || (instruction.code === WAIT && instruction.b >= 0);
    }
    if (this.#tso?.isPossible(agent, instruction) === false) return false;
    if (this.verbs.isPossible(agent, instruction)) return true;
    // Who waits for a lock has touched it, though it may never get it.
    if (this.#options.fold) this.#privacy.learn(agent, instruction);
    return false;
  }

  /** One step of `agent`, which is enabled, and all that follows of it and concerns nobody else. */
  step(agent: number): void {
    this.woken = 0;
    this.observer?.before(agent);
    if (agent >= this.threads) {
      const thread = agent - this.threads;
      this.verbs.judgeFrame(thread, this.oldestStore(thread) as Instruction);
      this.#tso?.drain(thread);
      this.observer?.after(agent);
      return;
    }
    const node = this.node(agent);
    const instruction = node.instruction as Instruction;
    if (this.verbs.isAsleep(agent, instruction)) {
      this.#wakeByItself(agent, instruction);
    } else {
      this.#do(agent, instruction);
    }
    this.observer?.after(agent);
    this.#fold(agent);
  }

  get hasIdle(): boolean {
    return (this.#program.idle?.length ?? 0) > 0;
  }

  /** May the thread go on, and not by waking by itself? Leaving it then is a preemption. */
  isRunnable(thread: number): boolean {
    return this.isEnabled(thread) && !this.isAsleep(thread);
  }

  /** Can nobody go on but threads that serve others, and those only by waking by themselves? */
  isQuiet(): boolean {
    for (let agent = 0; agent < this.agents; agent++) {
      if (!this.isEnabled(agent)) continue;
      if (agent >= this.threads || !this.isIdle(agent) || !this.isAsleep(agent)) return false;
    }
    return true;
  }

  isAsleep(thread: number): boolean {
    const { instruction } = this.node(thread);
    return instruction !== undefined && this.verbs.isAsleep(thread, instruction);
  }

  /** Has the thread nothing more to do? Stores still in its buffer do not count. */
  hasEnded(thread: number): boolean {
    return this.node(thread).ended !== undefined;
  }

  isIdle(thread: number): boolean {
    return this.#program.idle?.includes(this.names[thread] as string) === true;
  }

  results(): Record<string, unknown> {
    return Object.fromEntries(
      this.names.map((name, thread) => [name, this.node(thread).ended?.result]),
    );
  }

  /** As footprint.ts says; of a thread that has ended, nothing. */
  footprint(thread: number, into: Int32Array): number {
    const { instruction } = this.node(thread);
    return instruction === undefined ? 0 : footprint(this, thread, instruction, into);
  }

  /** The slot of the lock that an operation takes; -1 for other operations. */
  lockSlot({ code, cell }: Instruction): number {
    const takes = code === LOCK || code === READ_LOCK || code === WRITE_LOCK;
    return takes ? (this.cells.slot[cell] as number) : -1;
  }

  /** The store that a drain of the thread's buffer would bring to memory. */
  oldestStore(thread: number): Instruction | undefined {
    return this.#tso?.oldest(thread).by;
  }

  /** A property looks at `cell`: its writes are steps of their own from now on. Throws a Restart. */
  watch(cell: number): void {
    if (this.#options.fold) this.#privacy.watch(cell);
    else this.memory.watched[cell] = true;
  }

  /** Reads the state as it is: what properties get. `seen` is told of each cell. */
  view(seen: (cell: number) => void): Shared {
    return new AskingShared(this.threads, (operation) => {
      const { code, cell, cell2 } = compile(this.cells, operation, undefined);
      if (code !== LOAD) {
        throw new Error(
          `${this.#program.name}: expected a property only to load, got ${formatOperation(operation)}`,
        );
      }
      seen(cell);
      if (cell2 >= 0) seen(cell2);
      return { low: this.memory.get(cell), high: cell2 < 0 ? 0 : this.memory.get(cell2) };
    });
  }

  #do(thread: number, instruction: Instruction): void {
    if (this.#options.fold) this.#privacy.learn(thread, instruction);
    this.verbs.judge(thread, instruction, this.#tso?.seen(thread, instruction));
    const buffered = this.#tso?.perform(thread, instruction);
    if (buffered !== undefined) this.#advance(thread, buffered.low, buffered.high);
    else if (this.verbs.perform(thread, instruction)) {
      this.#advance(thread, this.verbs.low, this.verbs.high);
    }
  }

  #advance(thread: number, low: number, high: number): void {
    const automaton = this.automata[thread] as Automaton;
    const next = automaton.next(this.node(thread), low, high);
    this.observer?.answered(thread, low, high);
    this.state.set(thread, next.id);
    this.#noteThrow(thread, next);
  }

  #noteThrow(thread: number, { threw }: Node): void {
    if (threw === undefined) return;
    this.verbs.fault ??= {
      fault: 'threw',
      property: `${this.names[thread]}: ${said(threw.error)}`,
    };
  }

  /** Goes on while the thread's next operation is seen by nobody: it could as well have come at once. */
  #fold(thread: number): void {
    if (!this.#options.fold) return;
    let met: Set<number> | undefined;
    while (this.fault === undefined) {
      const { id, instruction } = this.node(thread);
      if (instruction === undefined || met?.has(id) === true) return; // once around a claimed loop is enough
      if (!this.#privacy.covers(thread, instruction)) return;
      met = (met ?? new Set()).add(id);
      this.observer?.before(thread);
      this.#do(thread, instruction);
      this.observer?.after(thread);
    }
  }

  /** By a notify. Whoever waits for a condition looks again; whoever waited is answered. */
  #wake(thread: number): void {
    this.woken |= 1 << thread;
    if (this.node(thread).instruction?.code !== WAIT) return;
    this.#advance(thread, 0, 0);
    this.#fold(thread);
  }

  #wakeByItself(thread: number, { code, queue, b }: Instruction): void {
    this.memory.put(queue, withoutSleeper(this.memory.get(queue), thread));
    if (code === WAIT) this.#advance(thread, b >= 0 ? 2 : 0, 0);
  }

  #runSetup(): void {
    const mem = new AskingShared(this.threads, (operation) => {
      const instruction = compile(this.cells, operation, this.#program.frames);
      const done =
        this.verbs.isPossible(this.threads, instruction) &&
        this.verbs.perform(this.threads, instruction);
      if (done) return { low: this.verbs.low, high: this.verbs.high };
      throw new Error(
        `${this.#program.name}, setup: ${formatOperation(operation)} would block, and nobody else runs yet`,
      );
    });
    this.#program.setup?.(mem);
    this.memory.begin();
  }

  /** One for all threads of a group. */
  #makeAutomata(): Automaton[] {
    const made: Automaton[] = [];
    for (const [thread, name] of this.names.entries()) {
      const group = this.groups.find((members) => members.includes(thread));
      const known = made[group?.[0] ?? thread];
      made.push(known ?? this.#makeAutomaton(name, thread, group !== undefined));
    }
    return made;
  }

  #makeAutomaton(name: string, thread: number, nameless: boolean): Automaton {
    const body = this.#program.threads[name] as Thread | Body;
    return new Automaton(threadOf(body, { thread, nameless }), {
      thread: name,
      merge: this.#options.merge,
      operations: this.#options.operations,
      compile: (run, parent) => this.#compile(run, parent, nameless),
      pulse: () => this.#options.pulse?.(),
    });
  }

  #compile(run: Pending, parent: Node | undefined, nameless: boolean): Instruction {
    const instruction = compile(this.cells, run.operation, this.#program.frames);
    if (nameless) refuseInGroup(instruction);
    if (this.#options.spuriousWakeups && instruction.code === WAIT && instruction.b >= 0) {
      throw new RangeError(
        'expected no timed wait with spurious wakeups, got one: waking early and running out of time are not told apart',
      );
    }
    return this.#options.alter?.(instruction, run, parent) ?? instruction;
  }
}

const said = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);
