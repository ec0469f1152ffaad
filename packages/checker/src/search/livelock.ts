// Can threads go on for ever and get nowhere? Looks for a cycle of states that a fair scheduler could follow: each thread takes
// a step in it, or cannot somewhere on it. For a state space that `searchStates` has found to have cycles.
import { StateStore } from '../store.ts';
import { rowOf } from '../symmetry.ts';
import type { StepFault } from '../verbs.ts';
import type { SearchContext } from './search.ts';

export interface Livelock {
  /** Into the cycle, and once around. */
  readonly schedule: readonly number[];
  readonly threads: readonly number[];
}

/** Why the search ended early; or a livelock; or, where only threads that serve others go on, what is wrong with that end. */
export type Endless =
  | { readonly budget: string }
  | { readonly livelock: Livelock }
  | { readonly fault: StepFault; readonly schedule: readonly number[] };

/** A step of `agent`, and the number of the state that it leads to. */
interface Edge {
  readonly agent: number;
  readonly to: number;
}

interface Visit {
  readonly number: number;
  /** Agents not yet tried, and the successors found. */
  readonly edges: readonly Edge[];
  next: number;
}

/** Tarjan's strongly connected components, without recursion. */
export function findLivelock({
  machine,
  judge,
  order,
  limits,
}: SearchContext): Endless | undefined {
  const { state, threads } = machine;
  const store = new StateStore(state);
  const scratch = { row: new Int32Array(0) };
  const low: number[] = [];
  const index: number[] = [];
  const edgesOf: (readonly Edge[])[] = [];
  const ableAt: number[] = [];
  const parentOf: { from: number; agent: number }[] = [];
  const open: number[] = [];
  const isOpen: boolean[] = [];
  let counter = 0;

  const visit = (number: number): Visit => {
    store.restore(state, number);
    const edges: Edge[] = [];
    let able = 0;
    for (const agent of order) {
      if (!machine.isEnabled(agent)) continue;
      able |= 1 << agent;
      const mark = state.mark();
      machine.step(agent);
      const to = store.insert(state, rowOf(machine, scratch));
      if (store.wasNew) parentOf[to] = { from: number, agent };
      edges.push({ agent, to });
      state.undoTo(mark);
    }
    index[number] = low[number] = counter++;
    edgesOf[number] = edges;
    ableAt[number] = able;
    open.push(number);
    isOpen[number] = true;
    return { number, edges, next: 0 };
  };

  machine.reset();
  const stack = [visit(store.insert(state, rowOf(machine, scratch)))];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const edge = top.edges[top.next++];
    if (edge === undefined) {
      stack.pop();
      const { number } = top;
      const above = stack.at(-1);
      if (above !== undefined)
        low[above.number] = Math.min(low[above.number] as number, low[number] as number);
      if (low[number] !== index[number]) continue;
      const component = new Set<number>();
      let member: number;
      do {
        member = open.pop() as number;
        isOpen[member] = false;
        component.add(member);
      } while (member !== number);
      const moving = fairly(component, edgesOf, ableAt, machine.agents);
      const busy = moving?.filter((agent) => agent < threads && !machine.isIdle(agent)) ?? [];
      if (moving === undefined) continue;
      const schedule = pathTo(number, parentOf);
      if (busy.length === 0) {
        // Only threads that serve others move: for everybody else this is the end.
        store.restore(state, number);
        const fault = judge.atEnd();
        if (fault !== undefined) return { fault, schedule };
        continue;
      }
      const cycle = new Component(component, edgesOf, ableAt).around(number, moving);
      return { livelock: { schedule: [...schedule, ...cycle], threads: busy } };
    }
    if (index[edge.to] === undefined) {
      const budget = limits.exceeded({ states: store.size, executions: 0, bytes: store.bytes });
      if (budget !== undefined) return { budget };
      stack.push(visit(edge.to));
    } else if (isOpen[edge.to] === true) {
      low[top.number] = Math.min(low[top.number] as number, index[edge.to] as number);
    }
  }
  return undefined;
}

/** The agents that move within the component, if each that is able all along does. */
function fairly(
  component: ReadonlySet<number>,
  edgesOf: readonly (readonly Edge[])[],
  ableAt: readonly number[],
  agents: number,
): number[] | undefined {
  let moving = 0;
  let alwaysAble = -1;
  for (const number of component) {
    alwaysAble &= ableAt[number] as number;
    for (const { agent, to } of edgesOf[number] ?? []) if (component.has(to)) moving |= 1 << agent;
  }
  if (moving === 0 || (alwaysAble & ~moving) !== 0) return undefined;
  return Array.from({ length: agents }, (_, agent) => agent).filter(
    (agent) => moving & (1 << agent),
  );
}

const pathTo = (number: number, parentOf: readonly { from: number; agent: number }[]): number[] => {
  const path: number[] = [];
  for (let at = parentOf[number]; at !== undefined; at = parentOf[at.from]) path.push(at.agent);
  return path.reverse();
};

class Component {
  readonly #states: ReadonlySet<number>;
  readonly #edgesOf: readonly (readonly Edge[])[];
  readonly #ableAt: readonly number[];

  constructor(
    states: ReadonlySet<number>,
    edgesOf: readonly (readonly Edge[])[],
    ableAt: readonly number[],
  ) {
    this.#states = states;
    this.#edgesOf = edgesOf;
    this.#ableAt = ableAt;
  }

  /** Once around from `start`, short and fair: each of `moving` takes a step, all others cannot somewhere. */
  around(start: number, moving: readonly number[]): number[] {
    const movers = moving.reduce((bits, agent) => bits | (1 << agent), 0);
    const path: number[] = [];
    let at = start;
    let owed = movers | (this.#ableAt[start] as number);
    for (;;) {
      const found = this.#walk(at, ({ agent, to }) => {
        if (owed === 0) return to === start;
        const unable = ~(this.#ableAt[to] as number) & ~movers;
        return (owed & ((1 << agent) | unable)) !== 0;
      });
      for (const { agent, to } of found) {
        path.push(agent);
        owed &= ~(1 << agent) & ((this.#ableAt[to] as number) | movers);
        at = to;
      }
      if (found.length === 0 || (owed === 0 && at === start)) return path;
    }
  }

  /** The shortest way from a state that ends with an edge that is wanted. */
  #walk(from: number, isWanted: (edge: Edge) => boolean): readonly Edge[] {
    const came = new Map<number, { from: number; edge: Edge }>();
    const queue = [from];
    for (const number of queue) {
      for (const edge of this.#edgesOf[number] ?? []) {
        if (!this.#states.has(edge.to)) continue;
        if (isWanted(edge)) {
          const path = [edge];
          for (let at = number; at !== from; ) {
            const step = came.get(at) as { from: number; edge: Edge };
            path.push(step.edge);
            at = step.from;
          }
          return path.reverse();
        }
        if (edge.to === from || came.has(edge.to)) continue;
        came.set(edge.to, { from: number, edge });
        queue.push(edge.to);
      }
    }
    return [];
  }
}
