// Told of each operation of an execution, writes it down for a reader.
import {
  type Answer,
  type Ask,
  AskingShared,
  answerAsked,
  ReplayError,
  type Replay as Seam,
  type SharedEvent,
  type Step,
} from '@faultline/atomics';
import { formatValue, Names } from './cells.ts';
import type { Change, ExecutedStep, Execution, Said, Standing } from './execution.ts';
import { CMPXCHG, type Instruction, LOAD, NOTIFY } from './instruction.ts';
import type { Machine, StepObserver } from './machine.ts';
import { siteOf } from './node.ts';
import type { NamedWord, Program } from './program.ts';
import { formatSchedule, preemptions } from './schedule.ts';
import { framesOf } from './site.ts';

/** What was so before an operation. */
interface Before {
  readonly instruction: Instruction;
  readonly site: string;
  readonly mark: number;
  readonly found: Said | undefined;
  readonly wasAsleep: boolean;
  readonly exchanges: boolean;
}

/** An executed step whose events are still to come. */
type Noted = Omit<ExecutedStep, 'events'> & { readonly operationNumber: number };

export class Recorder implements StepObserver {
  readonly #program: Program;
  readonly #machine: Machine;
  readonly #names: Names;
  readonly #steps: Noted[] = [];
  readonly #logs: Step[][];
  readonly #stores = new Map<number, number>();
  readonly #loadedAt: Map<number, number>[];
  #before: Before | undefined;
  #answer: Answer | undefined;
  #wakes: number[] = [];
  #agent = 0;

  constructor(program: Program, machine: Machine) {
    this.#program = program;
    this.#machine = machine;
    this.#names = new Names(program);
    this.#logs = machine.names.map(() => []);
    this.#loadedAt = machine.names.map(() => new Map());
  }

  before(agent: number): void {
    const machine = this.#machine;
    const thread = agent % machine.threads;
    const node = machine.node(thread);
    const drained = agent >= machine.threads ? machine.oldestStore(thread) : undefined;
    const instruction = drained ?? (node.instruction as Instruction);
    this.#agent = agent;
    this.#answer = undefined;
    this.#wakes = [];
    this.#before = {
      instruction,
      site: drained === undefined ? siteOf(node) : '',
      mark: machine.state.mark(),
      found: this.#found(instruction),
      wasAsleep:
        agent < machine.threads &&
        instruction.queue >= 0 &&
        machine.verbs.isAsleep(thread, instruction),
      exchanges: instruction.code === CMPXCHG && machine.verbs.matches(instruction),
    };
  }

  answered(thread: number, low: number, high: number): void {
    const { instruction } = this.#machine.node(thread);
    const { operation, isGhost } = instruction as Instruction;
    if (isGhost === true) {
      this.#answer = { low, high };
      return;
    }
    this.#logs[thread]?.push({ operation, answer: { low, high } });
    if (thread === this.#agent) this.#answer = { low, high };
    else this.#wakes.push(thread);
  }

  after(agent: number): void {
    const machine = this.#machine;
    const { instruction, site, mark, found, wasAsleep, exchanges } = this.#before as Before;
    const thread = agent % machine.threads;
    const changes = this.#changes(mark);
    const aba = exchanges ? this.#storesSince(thread, instruction.cell) : 0;
    this.#countStores(thread, instruction, mark);
    const answer = this.#answer ?? { low: 0, high: 0 };
    const slept = agent === thread && this.#answer === undefined && instruction.queue >= 0;
    const said =
      instruction.code === LOAD && this.#answer !== undefined
        ? this.#sayAnswer(instruction, answer)
        : found;
    this.#steps.push({
      thread,
      kind: agent !== thread ? 'drain' : wasAsleep ? 'timeout' : slept ? 'asleep' : 'done',
      operation: instruction.operation,
      answer,
      changes,
      wakes: this.#woken(instruction),
      site: framesOf(site),
      operationNumber: (this.#logs[thread]?.length ?? 0) - (this.#answer === undefined ? 0 : 1),
      ...(said === undefined ? {} : { found: said }),
      ...(instruction.code === CMPXCHG ? { exchanged: exchanges } : {}),
      ...(aba > 0 ? { aba } : {}),
    });
  }

  execution(schedule: readonly number[], runnable: readonly number[]): Execution {
    const { names, threads } = this.#machine;
    const events = names.map((name, thread) => this.#eventsOf(name, thread));
    const { initial, final } = this.#words();
    return {
      threads: names,
      initial,
      steps: this.#steps.map(({ operationNumber, ...step }) => ({
        ...step,
        events: step.kind === 'drain' ? [] : (events[step.thread]?.get(operationNumber) ?? []),
      })),
      final,
      standing: names.map((_, thread) => this.#standing(thread)),
      schedule: formatSchedule(schedule, threads),
      preemptions: preemptions(
        schedule,
        threads,
        (step, thread) => ((runnable[step] as number) & (1 << thread)) !== 0,
      ),
    };
  }

  /**
   * What a thread said aloud, by the number of operations it had been answered. Nothing of a body that does more when somebody
   * listens: its history was learned with nobody listening.
   */
  #eventsOf(name: string, thread: number): Map<number, SharedEvent[]> {
    const said = new Map<number, SharedEvent[]>();
    const body = this.#program.threads[name];
    if (typeof body !== 'function') return said;
    let answered = 0;
    const listen = (replay: Seam): unknown => {
      const ask: Ask = (operation) => {
        const answer = replay.ask(operation);
        answered++;
        return answer;
      };
      const mem = new AskingShared(thread, ask, replay.claim);
      mem.emit = (event) => {
        if (!replay.stopped) said.set(answered, [...(said.get(answered) ?? []), event]);
      };
      return body(mem);
    };
    try {
      answerAsked(listen, this.#logs[thread] ?? []);
    } catch (error) {
      if (!(error instanceof ReplayError)) throw error;
      said.clear();
    }
    return said;
  }

  #word({ operation }: Instruction): NamedWord | undefined {
    const { object, address, bytes } = operation;
    if (object === 'thread') return undefined;
    return this.#names.wordAt(object, address, bytes === 8 ? 8 : 4);
  }

  /** The word, and what it holds now. */
  #found(instruction: Instruction): Said | undefined {
    const { cell, cell2 } = instruction;
    if (cell < 0) return undefined;
    return this.#sayAnswer(instruction, {
      low: this.#machine.memory.get(cell),
      high: cell2 < 0 ? 0 : this.#machine.memory.get(cell2),
    });
  }

  #sayAnswer(instruction: Instruction, { low, high }: Answer): Said | undefined {
    const word = this.#word(instruction);
    return word && { name: word.name, text: formatValue(word, low, high) };
  }

  #changes(mark: number): Change[] {
    const { cells, state } = this.#machine;
    const old = new Map<number, number>();
    state.changes(mark, (slot, value) => {
      if (!old.has(slot)) old.set(slot, value);
    });
    const changes = new Map<string, Change>();
    for (let cell = 0; cell < cells.size; cell++) {
      const kind = cells.kind[cell];
      if ((kind !== 'words' && kind !== 'ram') || !old.has(cells.slot[cell] as number)) continue;
      const word = this.#names.wordAt(kind, cells.address[cell] as number);
      const both = [0, 4].map((byte) =>
        byte < (word.bytes ?? 4) ? cells.cell(kind, word.address + byte) : -1,
      );
      const was = both.map((of) =>
        of < 0 ? 0 : (old.get(cells.slot[of] as number) ?? this.#machine.memory.get(of)),
      );
      const is = both.map((of) => (of < 0 ? 0 : this.#machine.memory.get(of)));
      const [before, after] = [was, is].map(([low = 0, high = 0]) => formatValue(word, low, high));
      if (before !== undefined && after !== undefined && before !== after) {
        changes.set(word.name, { name: word.name, before, after });
      }
    }
    return [...changes.values()];
  }

  #countStores(thread: number, { code, cell }: Instruction, mark: number): void {
    if (cell < 0) return;
    const { state, cells } = this.#machine;
    const slots = new Set<number>();
    state.changes(mark, (slot) => slots.add(slot));
    const changed = slots.has(cells.slot[cell] as number);
    if (changed) this.#stores.set(cell, (this.#stores.get(cell) ?? 0) + 1);
    // A compare is stale against a look at the word; what this thread did to it since is no look.
    const looks = code === LOAD || (code === CMPXCHG && !changed);
    if (looks) this.#loadedAt[thread]?.set(cell, this.#stores.get(cell) ?? 0);
    else if (code !== NOTIFY) this.#loadedAt[thread]?.delete(cell);
  }

  /** Since this thread last looked at the cell, if it has done nothing to it since. */
  #storesSince(thread: number, cell: number): number {
    const loadedAt = this.#loadedAt[thread]?.get(cell);
    return loadedAt === undefined ? 0 : (this.#stores.get(cell) ?? 0) - loadedAt;
  }

  #woken({ code, queue }: Instruction): number[] {
    if (code !== NOTIFY) return this.#wakes;
    const slot = this.#machine.cells.slot[queue] as number;
    const { mark } = this.#before as Before;
    const woken: number[] = [];
    this.#machine.state.changes(mark, (changed, old) => {
      if (changed === slot) woken.push((old & 15) - 1);
    });
    return woken;
  }

  #words(): { initial: Said[]; final: Said[] } {
    const machine = this.#machine;
    const { cells } = machine;
    const initial: Said[] = [];
    const final: Said[] = [];
    for (let cell = 0; cell < cells.size; cell++) {
      const kind = cells.kind[cell];
      if (kind !== 'words' && kind !== 'ram') continue;
      const word = this.#names.wordAt(kind, cells.address[cell] as number);
      if (word.address !== cells.address[cell]) continue;
      const above = word.bytes === 8 ? cells.cell(kind, word.address + 4) : -1;
      const before = formatValue(
        word,
        cells.initial[cell] as number,
        above < 0 ? 0 : (cells.initial[above] as number),
      );
      const after = formatValue(
        word,
        machine.memory.get(cell),
        above < 0 ? 0 : machine.memory.get(above),
      );
      if (this.#names.isNamed(kind, word.address)) initial.push({ name: word.name, text: before });
      if (before !== after) final.push({ name: word.name, text: after });
    }
    return { initial, final };
  }

  #standing(thread: number): Standing {
    const machine = this.#machine;
    const node = machine.node(thread);
    const { ended, instruction } = node;
    if (ended !== undefined) return { state: 'ended' };
    if (instruction === undefined) return { state: 'running' };
    const name = this.#word(instruction)?.name;
    return {
      state: machine.isEnabled(thread) ? 'running' : machine.isIdle(thread) ? 'idle' : 'blocked',
      operation: instruction.operation,
      site: framesOf(siteOf(node)),
      ...(name === undefined ? {} : { name }),
    };
  }
}
