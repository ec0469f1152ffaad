// Can threads go on for ever and get nowhere? Looks for a cycle of states that a fair scheduler could follow: each thread takes
// a step in it, or cannot somewhere on it. For a state space that `searchStates` has found to have cycles.
import { StateStore } from '../store.ts';
import { rowOf } from '../symmetry.ts';
import type { SearchContext } from './search.ts';

export interface Livelock {
  /** Into the cycle, and once around. */
  readonly schedule: readonly number[];
  readonly threads: readonly number[];
}

interface Visit {
  readonly number: number;
  /** Agents not yet tried, and the successors found. */
  readonly edges: readonly { readonly agent: number; readonly to: number }[];
  next: number;
}

/** Tarjan's strongly connected components, without recursion. */
export function findLivelock({ machine, order, limits }: SearchContext): Livelock | undefined {
  const { state, threads } = machine;
  const store = new StateStore(state);
  const scratch = { row: new Int32Array(0) };
  const low: number[] = [];
  const index: number[] = [];
  const edgesOf: (readonly { agent: number; to: number }[])[] = [];
  const ableAt: number[] = [];
  const parentOf: { from: number; agent: number }[] = [];
  const open: number[] = [];
  const isOpen: boolean[] = [];
  let counter = 0;

  const visit = (number: number): Visit => {
    store.restore(state, number);
    const edges: { agent: number; to: number }[] = [];
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
      if (busy.length === 0) continue;
      const cycle = around(number, component, edgesOf);
      return { schedule: [...pathTo(number, parentOf), ...cycle], threads: busy };
    }
    if (index[edge.to] === undefined) {
      if (limits.exceeded({ states: store.size, executions: 0, bytes: store.bytes }) !== undefined)
        return undefined;
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
  edgesOf: readonly (readonly { agent: number; to: number }[])[],
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

/** The shortest way around from `start`. */
function around(
  start: number,
  component: ReadonlySet<number>,
  edgesOf: readonly (readonly { agent: number; to: number }[])[],
): number[] {
  const came = new Map<number, { from: number; agent: number }>();
  const queue = [start];
  for (const number of queue) {
    for (const { agent, to } of edgesOf[number] ?? []) {
      if (!component.has(to)) continue;
      if (to === start) {
        const path = [agent];
        for (let at = number; at !== start; ) {
          const step = came.get(at) as { from: number; agent: number };
          path.push(step.agent);
          at = step.from;
        }
        return path.reverse();
      }
      if (came.has(to)) continue;
      came.set(to, { from: number, agent });
      queue.push(to);
    }
  }
  return [];
}
