// Every interleaving of a few small bodies over 32-bit words: enough for the locks and the grace period, whose mistakes
// show in so few schedules that threads seldom meet them. The words are kept here; a sleeper may be woken by a notify
// only, and a notify may wake any of them.
import { answer, type Step } from '../src/logged.ts';
import * as mutex from '../src/mutex.ts';
import type { Operation } from '../src/operation.ts';
import { type Shared, WAIT_NOT_EQUAL, WAIT_WOKEN } from '../src/shared.ts';

/** Many more than any of our bodies needs; each is a run of the body from its start. */
const MOST_OPERATIONS = 200;

export type Body = (mem: Shared) => unknown;

export interface Found {
  /** Whether somebody can sleep for ever; if so, the search went no further. */
  readonly deadlock: boolean;
  /** Distinct results of the bodies that ended, as JSON, sorted. */
  readonly ends: string[];
  readonly states: number;
}

/** What a body does after a history: nodes are histories, an edge is the value that an operation found. */
interface Node {
  readonly id: number;
  readonly log: readonly Step[];
  readonly operation: Operation | undefined;
  readonly result: unknown;
  readonly next: Map<number, Node>;
}

interface State {
  readonly words: readonly number[];
  readonly nodes: readonly Node[];
  /** Threads that sleep on the word their wait names. */
  readonly asleep: number;
}

/** On threads, `waitUntil` and the mutex are made of words; here too, so that no window between two words is hidden. */
function inWords(mem: Shared): Shared {
  mem.waitUntil = (address, mask, value) => {
    for (;;) {
      const word = mem.load32(address);
      if ((word & mask) === value) return;
      mem.wait(address, word);
    }
  };
  mem.waitWhile = (address, value) => {
    while (mem.load32(address) === value) mem.wait(address, value);
  };
  mem.lock = (address) => {
    if (!mutex.tryLock(mem, address)) mutex.lockContended(mem, address);
  };
  mem.unlock = (address) => mutex.unlock(mem, address);
  return mem;
}

const written = ({ verb, args: [a = 0, b = 0] }: Operation, old: number): number => {
  if (verb === 'store32' || verb === 'xchg32') return a;
  if (verb === 'cmpxchg32') return old === a ? b : old;
  if (verb === 'or32') return old | a;
  if (verb === 'and32') return old & a;
  if (verb === 'add32') return (old + a) | 0;
  if (verb === 'load32') return old;
  throw new Error(`expected a verb of 32-bit words, got ${verb}`);
};

export function everyInterleaving(...bodies: readonly Body[]): Found {
  const addresses = new Map<number, number>();
  const wordOf = (address: number): number => {
    const known = addresses.get(address) ?? addresses.size;
    addresses.set(address, known);
    return known;
  };

  let nodes = 0;
  // Threads that ended alike are alike, however they came there.
  const ended = new Map<string, Node>();
  const node = (thread: number, log: readonly Step[]): Node => {
    if (log.length > MOST_OPERATIONS) {
      throw new Error(
        `expected thread ${thread} to end within ${MOST_OPERATIONS} operations, got one more; ` +
          'usual cause: a loop that spins where it should sleep',
      );
    }
    const run = answer((mem) => (bodies[thread] as Body)(inWords(mem)), log, { thread });
    if (run.state === 'threw') throw run.error;
    if (run.state === 'pending') {
      return { id: nodes++, log, operation: run.operation, result: undefined, next: new Map() };
    }
    const { result } = run;
    const key = JSON.stringify([result]);
    const end = ended.get(key) ?? {
      id: nodes++,
      log,
      operation: undefined,
      result,
      next: new Map(),
    };
    ended.set(key, end);
    return end;
  };
  const step = (from: Node, thread: number, low: number): Node => {
    let to = from.next.get(low);
    if (to === undefined) {
      const operation = from.operation as Operation;
      to = node(thread, [...from.log, { operation, answer: { low, high: 0 } }]);
      from.next.set(low, to);
    }
    return to;
  };

  const advance = (state: State, thread: number, low: number): State => {
    const after = [...state.nodes];
    after[thread] = step(state.nodes[thread] as Node, thread, low);
    return { ...state, nodes: after };
  };
  /** Each state in which `count` of the sleepers are awake. */
  const wake = (state: State, sleepers: readonly number[], count: number): State[] => {
    if (count === 0 || sleepers.length === 0) return [state];
    return sleepers.flatMap((thread) => {
      const woken = advance(state, thread, WAIT_WOKEN);
      const others = sleepers.filter((other) => other !== thread);
      return wake({ ...woken, asleep: state.asleep & ~(1 << thread) }, others, count - 1);
    });
  };
  const successors = (state: State, thread: number): State[] => {
    const { operation } = state.nodes[thread] as Node;
    if (operation === undefined || state.asleep & (1 << thread)) return [];
    const { verb, address, args } = operation;
    const word = wordOf(address);
    const old = state.words[word] ?? 0;
    if (verb === 'wait') {
      if (old !== args[0]) return [advance(state, thread, WAIT_NOT_EQUAL)];
      return [{ ...state, asleep: state.asleep | (1 << thread) }];
    }
    if (verb === 'notify') {
      const sleepers = state.nodes.flatMap((other, index) =>
        state.asleep & (1 << index) && other.operation?.address === address ? [index] : [],
      );
      const [count = -1] = args;
      const woken = count < 0 ? sleepers.length : Math.min(count, sleepers.length);
      return wake(advance(state, thread, woken), sleepers, woken);
    }
    const words = [...state.words];
    for (let index = words.length; index <= word; index++) words[index] = 0;
    words[word] = written(operation, old);
    return [{ ...advance(state, thread, old), words }];
  };

  const start: State = { words: [], nodes: bodies.map((_, thread) => node(thread, [])), asleep: 0 };
  const seen = new Set<string>();
  const ends = new Set<string>();
  let deadlock = false;
  const stack = [start];
  for (let state = stack.pop(); state !== undefined && !deadlock; state = stack.pop()) {
    const key = `${state.words};${state.nodes.map(({ id }) => id)};${state.asleep}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const next = bodies.flatMap((_, thread) => successors(state, thread));
    if (next.length > 0) stack.push(...next);
    else if (state.nodes.some(({ operation }) => operation !== undefined)) deadlock = true;
    else ends.add(JSON.stringify(state.nodes.map(({ result }) => result)));
  }
  return { deadlock, ends: [...ends].sort(), states: seen.size };
}
