// What is right and wrong about a state: properties of every state, of ends, deadlocks, data races. Remembers the ends.
import { canonical } from './canonical.ts';
import { type CellKind, Names } from './cells.ts';
import { type Instruction, LOAD, NOTIFY, WAIT, WAIT_UNTIL, WAIT_WHILE } from './instruction.ts';
import type { Machine } from './machine.ts';
import type { Program, Property } from './program.ts';
import { StateStore } from './store.ts';
import { rowOf } from './symmetry.ts';
import type { StepFault } from './verbs.ts';

/** A property with what it looks at. */
interface Watched {
  readonly name: string;
  readonly holds: Property;
  readonly bit: number;
}

interface End {
  readonly fault: StepFault | undefined;
  readonly values: Int32Array;
  readonly results: readonly string[];
}

const MOST_PROPERTIES = 31;

export class Judge {
  /** Per cell: which properties look at it, as bits. Writes of two cells that one property looks at do not commute. */
  readonly looks: number[];
  /** A property has looked at a cell that it had not looked at before. */
  grown = false;
  readonly outcomes: Set<string> = new Set();
  readonly #witnessed = new Set<string>();
  readonly #machine: Machine;
  readonly #program: Program;
  readonly #always: readonly Watched[];
  readonly #sometimes: readonly Watched[];
  /** Every end once: what is wrong with it, its words, what the threads returned. */
  readonly #met: StateStore;
  readonly #scratch = { row: new Int32Array(0) };
  readonly #ends: End[] = [];
  readonly #races: boolean;

  /** `known`: what an earlier judge of the same program has learned. */
  constructor(machine: Machine, program: Program, known: readonly string[] = []) {
    this.looks = [];
    for (const entry of known) {
      const [kind, address, bits] = entry.split(' ');
      const cell = machine.cells.cell(kind as CellKind, Number(address));
      this.looks[cell] = Number(bits);
      machine.watch(cell);
    }
    this.#machine = machine;
    this.#program = program;
    this.#met = new StateStore(machine.state);
    this.#races = program.dataRaces === 'error';
    const all = [
      ...Object.entries(program.always ?? {}),
      ...Object.entries(program.sometimes ?? {}),
    ];
    if (all.length > MOST_PROPERTIES) {
      throw new RangeError(`${program.name}: expected at most ${MOST_PROPERTIES} properties`);
    }
    const watched = all.map(([name, holds], bit) => ({ name, holds, bit: 1 << bit }));
    const count = Object.keys(program.always ?? {}).length;
    this.#always = watched.slice(0, count);
    this.#sometimes = watched.slice(count);
  }

  /** Looks at the first state, or at one that a search came to by other ways than a step. */
  first(): StepFault | undefined {
    this.#machine.memory.watchedChanged = true;
    return this.afterStep();
  }

  /** Looks at the state after a step. */
  afterStep(): StepFault | undefined {
    const machine = this.#machine;
    if (machine.fault !== undefined) return machine.fault;
    if (this.#races) {
      const race = this.#dataRace();
      if (race !== undefined) return race;
    }
    if (!machine.memory.watchedChanged) return undefined;
    machine.memory.watchedChanged = false;
    for (const property of this.#sometimes) {
      if (!this.#witnessed.has(property.name) && this.#holds(property))
        this.#witnessed.add(property.name);
    }
    const broken = this.#always.find((property) => !this.#holds(property));
    return broken && { fault: 'always', property: broken.name };
  }

  /** Looks at a state in which nobody can go on, but for idle threads that wake by themselves or turn for ever. */
  atEnd(): StepFault | undefined {
    const stuck = this.#stuck();
    if (stuck !== undefined) return stuck;
    const machine = this.#machine;
    const number = this.#met.insert(machine.state, rowOf(machine, this.#scratch));
    if (this.#met.wasNew) this.#ends.push(this.#lookAtEnd());
    return this.#ends[number]?.fault;
  }

  #lookAtEnd(): End {
    const machine = this.#machine;
    const view = machine.view(() => {});
    let broken: string | undefined;
    for (const results of allNamings(machine.results(), machine)) {
      const { observe, finally: laws = {} } = this.#program;
      if (observe !== undefined) this.outcomes.add(canonical(observe(view, results)));
      broken ??= Object.entries(laws).find(([, holds]) => !holds(view, results))?.[0];
    }
    return {
      fault: broken === undefined ? undefined : { fault: 'finally', property: broken },
      values: machine.state.values.slice(0, machine.state.width),
      results: this.#sayResults(machine.results()),
    };
  }

  /** Which cells properties have looked at, in words that another judge understands. */
  watched(): string[] {
    const { kind, address } = this.#machine.cells;
    return this.looks
      .flatMap((bits, cell) => (bits ? [`${kind[cell]} ${address[cell]} ${bits}`] : []))
      .sort();
  }

  /** Names of the `sometimes` that were met. */
  met(): string[] {
    return [...this.#witnessed];
  }

  /** What no search met that it should have. */
  neverMet(): string | undefined {
    return this.#sometimes.find(({ name }) => !this.#witnessed.has(name))?.name;
  }

  /** Distinct ends: words by name, then results; sorted. */
  ends(): string[] {
    const lines = new Set<string>();
    for (const { values, results } of this.#ends) {
      const words = this.#words(values).map(([name, value]) => `${name}=${value}`);
      lines.add([...words, ...results].join(' '));
    }
    return [...lines].sort();
  }

  /** The words that `ends` tells of, as they are at the beginning: those that this search has come across. */
  firstWords(): (readonly [name: string, value: string])[] {
    return this.#words(new Int32Array());
  }

  /** By name. `values` may be shorter than the state is now: what came later was as at the beginning. */
  #words(values: Int32Array): (readonly [name: string, value: string])[] {
    const { cells, state } = this.#machine;
    const names = new Names(this.#program);
    const words = new Map<string, string>();
    for (let cell = 0; cell < cells.size; cell++) {
      const kind = cells.kind[cell];
      const slot = cells.slot[cell] as number;
      if ((kind !== 'words' && kind !== 'ram') || slot < 0) continue;
      const value = slot < values.length ? values[slot] : state.first[slot];
      const address = cells.address[cell] as number;
      const { name, address: base } = names.wordAt(kind, address);
      words.set(base === address ? name : `${name}+${address - base}`, `${value}`);
    }
    return [...words].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #holds({ holds, bit }: Watched): boolean {
    const seen = (cell: number): void => {
      if (((this.looks[cell] ?? 0) & bit) !== 0) return;
      this.looks[cell] = (this.looks[cell] ?? 0) | bit;
      this.grown = true;
      this.#machine.watch(cell);
    };
    return holds(this.#machine.view(seen));
  }

  #sayResults(results: Record<string, unknown>): string[] {
    const { names, groups } = this.#machine;
    const said = names.map((name) => canonical(results[name]));
    // Threads that trade places: who returned what is no difference.
    for (const group of groups) {
      const values = group.map((thread) => said[thread] as string).sort();
      group.forEach((thread, index) => {
        said[thread] = values[index] as string;
      });
    }
    return names.map((name, thread) => `${name}:${said[thread]}`);
  }

  #stuck(): StepFault | undefined {
    const machine = this.#machine;
    const waiting: string[] = [];
    let lost: string | undefined;
    for (let thread = 0; thread < machine.threads; thread++) {
      if (machine.hasEnded(thread) || machine.isIdle(thread)) continue;
      const name = machine.names[thread] as string;
      waiting.push(name);
      const { instruction } = machine.node(thread);
      if (instruction !== undefined && this.#sleepsInVain(thread, instruction)) lost ??= name;
    }
    if (waiting.length === 0) return undefined;
    return lost === undefined
      ? {
          fault: 'deadlock',
          property: `${waiting.join(', ')} wait${waiting.length === 1 ? 's' : ''} for ever`,
        }
      : { fault: 'lost wakeup', property: `${lost} sleeps on though what it waits for has come` };
  }

  #sleepsInVain(thread: number, instruction: Instruction): boolean {
    const { code, cell, a, b } = instruction;
    if (!this.#machine.verbs.isAsleep(thread, instruction)) return false;
    const value = this.#machine.memory.get(cell);
    if (code === WAIT || code === WAIT_WHILE) return value !== (a | 0);
    return code === WAIT_UNTIL && (value & a) === (b | 0);
  }

  /** Two accesses that could come next, one of them plain, one of them a store, with bytes in common. */
  #dataRace(): StepFault | undefined {
    const machine = this.#machine;
    for (let left = 0; left < machine.threads; left++) {
      const a = machine.node(left).instruction;
      if (a === undefined || a.cell < 0) continue;
      for (let right = left + 1; right < machine.threads; right++) {
        const b = machine.node(right).instruction;
        if (
          b === undefined ||
          !races(a, b) ||
          !machine.isEnabled(left) ||
          !machine.isEnabled(right)
        )
          continue;
        const names = `${machine.names[left]} and ${machine.names[right]}`;
        return {
          fault: 'data race',
          property: `${names} meet at the same bytes, not both atomically`,
        };
      }
    }
    return undefined;
  }
}

/** Threads that trade places: who of them returned what is each way true. The results in every such naming. */
function allNamings(
  results: Record<string, unknown>,
  { names, groups }: Pick<Machine, 'names' | 'groups'>,
): Record<string, unknown>[] {
  let namings = [results];
  for (const group of groups) {
    const members = group.map((thread) => names[thread] as string);
    namings = namings.flatMap((naming) =>
      arrangements(members.map((member) => naming[member])).map((values) => ({
        ...naming,
        ...Object.fromEntries(members.map((member, index) => [member, values[index]])),
      })),
    );
  }
  return namings;
}

/** Every order of `values` that is different. */
function arrangements(values: readonly unknown[]): unknown[][] {
  if (new Set(values.map(canonical)).size <= 1) return [[...values]];
  return values.flatMap((first, index) => {
    if (values.slice(0, index).some((other) => canonical(other) === canonical(first))) return [];
    const rest = values.filter((_, other) => other !== index);
    return arrangements(rest).map((arrangement) => [first, ...arrangement]);
  });
}

/** A wait looks at its word; a notify does not even do that. */
const reads = ({ code, queue }: Instruction): boolean => code === LOAD || queue >= 0;

function races(a: Instruction, b: Instruction): boolean {
  if (!a.plain && !b.plain) return false;
  if (reads(a) && reads(b)) return false;
  if (a.code === NOTIFY || b.code === NOTIFY || a.cell < 0 || b.cell < 0) return false;
  const meets = (cell: number): boolean => cell >= 0 && (cell === b.cell || cell === b.cell2);
  return meets(a.cell) || meets(a.cell2);
}
