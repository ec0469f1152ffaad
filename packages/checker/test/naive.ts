// Every interleaving of a small program, one after the other: no reduction, no store of states, a copy of everything at
// every step. It shares nothing with the checker but the contract and `answer`, and is what the checker is held to.
import {
  type Answer,
  AskingShared,
  answer,
  type Operation,
  type Run,
  type Step,
  WAIT_NOT_EQUAL,
  WAIT_TIMED_OUT,
  WAIT_WOKEN,
} from '@faultline/atomics';
import type { Body, MemoryModel, Program, Results } from '../src/program.ts';
import {
  type Cells,
  cellsOf,
  isLoad,
  isStore,
  join,
  split,
  toAnswer,
  written,
} from './naive-words.ts';

export interface NaiveOptions {
  readonly model?: MemoryModel;
  /** Throws beyond so many. */
  readonly executions?: number;
}

export interface NaiveFound {
  /** Distinct ends: each cell that was ever written, then the results (`0x100=1 ram[0]=2 A:[1]`). Sorted. */
  readonly ends: readonly string[];
  /** Distinct values of `observe` at an end, as JSON, sorted. */
  readonly outcomes: readonly string[];
  readonly deadlock: boolean;
  /** Names of the `always` that fail in some state. */
  readonly violated: ReadonlySet<string>;
  /** Names of the `sometimes` that hold in some state. */
  readonly met: ReadonlySet<string>;
  /** Interleavings, those that end in a deadlock included. */
  readonly executions: number;
}

/** A thread after a history; another answer leads to another node. */
interface Node {
  readonly thread: number;
  readonly log: readonly Step[];
  readonly run: Run<unknown>;
  readonly next: Map<string, Node>;
}

/** Who holds a mutex (as its writer) or a readers-writer lock; a reader is listed as often as it entered. */
interface Holders {
  readonly writer?: number;
  readonly readers: readonly number[];
}

interface State {
  cells: Cells;
  nodes: Node[];
  /** Sleepers by the address that they sleep at, the one that came first in front. */
  queues: Map<number, readonly number[]>;
  locks: Map<number, Holders>;
  /** Under tso, what of each thread is still on its way to memory, oldest first. */
  buffers: (readonly Operation[])[];
}

const copy = ({ cells, nodes, queues, locks, buffers }: State): State => ({
  cells: new Map(cells),
  nodes: [...nodes],
  queues: new Map(queues),
  locks: new Map(locks),
  buffers: [...buffers],
});

const saidOf = (cells: Cells): string[] =>
  [...cells].map(([name, value]) => `${name}=${BigInt.asIntN(32, value)}`).sort();

const NOTHING: Answer = { low: 0, high: 0 };

const isLocking = ({ verb }: Operation): boolean => /^(lock|readLock|writeLock)$/.test(verb);
const isUnlocking = ({ verb }: Operation): boolean =>
  /^(unlock|readUnlock|writeUnlock)$/.test(verb);

/** Under tso: plain stores, and what gives back a lock that one thread holds alone, since x86 does that with a plain store. */
const isBuffered = (operation: Operation): boolean =>
  (isStore(operation) && operation.order === 'plain') ||
  operation.verb === 'unlock' ||
  operation.verb === 'writeUnlock';

/** A load of more than the newest store to it has to wait until that store has reached memory. */
const isForwarded = (operation: Operation, buffer: readonly Operation[]): boolean => {
  const wanted = cellsOf(operation);
  const newest = buffer
    .filter(isStore)
    .map(cellsOf)
    .findLast((cells) => cells.some((cell) => wanted.includes(cell)));
  return newest === undefined || wanted.every((cell) => newest.includes(cell));
};

export function enumerate(program: Program, options: NaiveOptions = {}): NaiveFound {
  const { model = 'sc', executions: most = 100_000 } = options;
  const names = Object.keys(program.threads);
  const bodies = Object.values(program.threads) as Body[];

  const nodeAfter = (thread: number, log: readonly Step[]): Node => {
    const run = answer(bodies[thread] as Body, log, { thread });
    if (run.state === 'threw') throw run.error;
    return { thread, log, run, next: new Map() };
  };
  const pendingOf = (state: State, thread: number): Operation | undefined => {
    const run = state.nodes[thread]?.run;
    return run?.state === 'pending' ? run.operation : undefined;
  };
  const advance = (state: State, thread: number, found: Answer): void => {
    const node = state.nodes[thread] as Node;
    const operation = pendingOf(state, thread) as Operation;
    const key = `${found.low} ${found.high}`;
    const next =
      node.next.get(key) ?? nodeAfter(thread, [...node.log, { operation, answer: found }]);
    node.next.set(key, next);
    state.nodes[thread] = next;
  };

  const load = (cells: Cells, operation: Operation, buffer: readonly Operation[] = []): bigint =>
    join(
      cellsOf(operation).map((cell) => {
        const forwarded = buffer
          .filter(isStore)
          .flatMap((store) => split(written(store, 0n) as bigint, store))
          .findLast(([name]) => name === cell);
        return forwarded?.[1] ?? cells.get(cell) ?? 0n;
      }),
    );
  const store = (cells: Cells, operation: Operation, value: bigint): void => {
    for (const [cell, half] of split(value, operation)) cells.set(cell, half);
  };
  /** Alone: for the setup, the properties and `observe`. */
  const alone = (cells: Cells): AskingShared =>
    new AskingShared(0, (operation) => {
      const found = load(cells, operation);
      const value = written(operation, found);
      if (value !== undefined) store(cells, operation, value);
      return toAnswer(found);
    });

  const sleepersAt = (state: State, address: number): readonly number[] =>
    state.queues.get(address) ?? [];
  const sleep = (state: State, thread: number, address: number): void => {
    state.queues.set(address, [...sleepersAt(state, address), thread]);
  };
  const wake = (state: State, address: number, count: number): number => {
    const sleepers = sleepersAt(state, address);
    const woken = count < 0 ? sleepers : sleepers.slice(0, count);
    state.queues.set(address, sleepers.slice(woken.length));
    for (const sleeper of woken) {
      // Any other sleeper looks again, as a step of its own.
      if (pendingOf(state, sleeper)?.verb === 'wait')
        advance(state, sleeper, { low: WAIT_WOKEN, high: 0 });
    }
    return woken.length;
  };

  /** Answers whether `thread` holds the lock now. */
  const take = (state: State, thread: number, { verb, address }: Operation): boolean => {
    const { writer, readers } = state.locks.get(address) ?? { readers: [] };
    if (writer !== undefined || (verb !== 'readLock' && readers.length > 0)) return false;
    state.locks.set(
      address,
      verb === 'readLock' ? { readers: [...readers, thread] } : { writer: thread, readers },
    );
    return true;
  };
  const giveBack = (state: State, thread: number, { verb, address }: Operation): void => {
    const { writer, readers } = state.locks.get(address) ?? { readers: [] };
    const entered = readers.indexOf(thread);
    if (verb === 'readUnlock' ? entered < 0 : writer !== thread) {
      throw new Error(
        `expected thread ${thread} to hold ${address}; usual cause: not a program for this`,
      );
    }
    state.locks.set(address, {
      readers: verb === 'readUnlock' ? readers.toSpliced(entered, 1) : readers,
    });
  };

  /** What `thread` does next, done to `state`, which is ours; false where it cannot. */
  const step = (state: State, thread: number): boolean => {
    const operation = pendingOf(state, thread);
    if (operation === undefined || sleepersAt(state, operation.address).includes(thread))
      return false;
    const { verb, address, args } = operation;
    const [first = 0, second = 0] = args;
    const buffer = state.buffers[thread] as readonly Operation[];
    if (model === 'tso' && isBuffered(operation)) {
      state.buffers[thread] = [...buffer, operation];
      advance(state, thread, NOTHING);
      return true;
    }
    if (buffer.length > 0 && !(isLoad(operation) && isForwarded(operation, buffer))) return false;
    if (isLocking(operation) && !take(state, thread, operation)) return false;
    if (isUnlocking(operation)) giveBack(state, thread, operation);
    if (isLocking(operation) || isUnlocking(operation)) {
      advance(state, thread, NOTHING);
      return true;
    }
    if (verb === 'fence') {
      advance(state, thread, NOTHING);
      return true;
    }
    if (verb === 'notify') {
      advance(state, thread, { low: wake(state, address, first), high: 0 });
      return true;
    }
    const found = load(state.cells, operation, buffer);
    const { low } = toAnswer(found);
    if (verb === 'wait') {
      if (low === (first | 0)) sleep(state, thread, address);
      else advance(state, thread, { low: WAIT_NOT_EQUAL, high: 0 });
      return true;
    }
    if (verb === 'waitUntil' || verb === 'waitWhile') {
      const goesOn = verb === 'waitUntil' ? (low & first) === (second | 0) : low !== (first | 0);
      if (goesOn) advance(state, thread, NOTHING);
      else sleep(state, thread, address);
      return true;
    }
    const value = written(operation, found);
    if (value !== undefined) store(state.cells, operation, value);
    advance(state, thread, isStore(operation) ? NOTHING : toAnswer(found));
    return true;
  };
  const timeOut = (state: State, thread: number): boolean => {
    const operation = pendingOf(state, thread);
    if (operation?.verb !== 'wait' || (operation.args[1] ?? -1) < 0) return false;
    const sleepers = sleepersAt(state, operation.address);
    if (!sleepers.includes(thread)) return false;
    state.queues.set(
      operation.address,
      sleepers.filter((other) => other !== thread),
    );
    advance(state, thread, { low: WAIT_TIMED_OUT, high: 0 });
    return true;
  };
  const drain = (state: State, thread: number): boolean => {
    const [oldest, ...rest] = state.buffers[thread] as readonly Operation[];
    if (oldest === undefined) return false;
    state.buffers[thread] = rest;
    if (isStore(oldest)) store(state.cells, oldest, written(oldest, 0n) as bigint);
    else giveBack(state, thread, oldest);
    return true;
  };

  /** What may come next; `isOpen` spares a copy where it plainly cannot. */
  const choices: [choose: typeof step, isOpen: typeof step][] = [
    [step, (state, thread) => pendingOf(state, thread) !== undefined],
    [timeOut, (state, thread) => pendingOf(state, thread)?.verb === 'wait'],
    [drain, (state, thread) => state.buffers[thread]?.length !== 0],
  ];

  const ends = new Set<string>();
  const outcomes = new Set<string>();
  const violated = new Set<string>();
  const met = new Set<string>();
  let deadlock = false;
  let executions = 0;

  const end = (state: State): void => {
    if (++executions > most) {
      throw new Error(
        `expected at most ${most} executions, got more; usual cause: too big a program`,
      );
    }
    const runs = state.nodes.map(({ run }) => run);
    if (runs.some((run) => run.state !== 'ended')) {
      deadlock = true;
      return;
    }
    const results: Results = Object.fromEntries(
      runs.map((run, index) => [names[index], run.state === 'ended' ? run.result : undefined]),
    );
    ends.add(
      [
        ...saidOf(state.cells),
        ...names.map((name) => `${name}:${JSON.stringify(results[name])}`),
      ].join(' '),
    );
    if (program.observe !== undefined) {
      outcomes.add(JSON.stringify(program.observe(alone(new Map(state.cells)), results)));
    }
  };
  const explore = (state: State): void => {
    for (const [name, property] of Object.entries(program.always ?? {})) {
      if (!property(alone(state.cells))) violated.add(name);
    }
    for (const [name, property] of Object.entries(program.sometimes ?? {})) {
      if (property(alone(state.cells))) met.add(name);
    }
    let stuck = true;
    for (const [choose, isOpen] of choices) {
      for (let thread = 0; thread < bodies.length; thread++) {
        if (!isOpen(state, thread)) continue;
        const next = copy(state);
        if (!choose(next, thread)) continue;
        stuck = false;
        explore(next);
      }
    }
    if (stuck) end(state);
  };

  const cells: Cells = new Map();
  program.setup?.(alone(cells));
  explore({
    cells,
    nodes: bodies.map((_, thread) => nodeAfter(thread, [])),
    queues: new Map(),
    locks: new Map(),
    buffers: bodies.map(() => []),
  });
  return {
    ends: [...ends].sort(),
    outcomes: [...outcomes].sort(),
    deadlock,
    violated,
    met,
    executions,
  };
}
