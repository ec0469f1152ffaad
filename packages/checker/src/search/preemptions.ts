// Breadth first by preemptions: all states that can be met without taking a runnable thread off its processor, then with
// one preemption, with two, ... So what it finds has the fewest, and where it stops it can say what it is complete to.

import { doubled } from '../state.ts';
import { StateStore } from '../store.ts';
import { rowOf } from '../symmetry.ts';
import type { Found, SearchContext } from './search.ts';

const UNSEEN = 0x7fff_ffff;

export function searchPreemptions({ machine, judge, order, limits }: SearchContext): Found {
  const { state, threads } = machine;
  machine.reset();
  // Who stepped last is part of the state here: leaving it while it can go on is what costs. 0 is nobody.
  const last = state.addSlot(0);
  const store = new StateStore(state);
  const scratch = { row: new Int32Array(0) };
  let parents = new Int32Array(1024);
  let agents = new Int32Array(1024);
  let costs = new Int32Array(1024).fill(UNSEEN);
  let done = new Uint8Array(1024);
  let transitions = 0;
  let deepest = 0;
  let cost = 0;
  const found = (extra: Partial<Found>): Found => ({
    states: store.size,
    transitions,
    executions: 0,
    blocked: 0,
    depth: deepest,
    bytesPerState: store.bytesPerState + 13,
    ...extra,
  });
  const room = (number: number): void => {
    if (number < parents.length) return;
    parents = doubled(parents);
    agents = doubled(agents);
    costs = doubled(costs).fill(UNSEEN, costs.length);
    const larger = new Uint8Array(done.length * 2);
    larger.set(done);
    done = larger;
  };
  const scheduleTo = (number: number): number[] => {
    const schedule: number[] = [];
    for (let at = number; at !== 0; at = parents[at] as number) schedule.push(agents[at] as number);
    return schedule.reverse();
  };

  const wrong = judge.first();
  if (wrong !== undefined) return found({ violation: { fault: wrong, schedule: [] } });
  let now = [store.insert(state, rowOf(machine, scratch))];
  costs[0] = 0;
  let later: number[] = [];
  for (;;) {
    const number = now.pop();
    if (number === undefined) {
      if (later.length === 0) return found({});
      now = later;
      later = [];
      cost++;
      continue;
    }
    if (done[number] === 1) continue;
    done[number] = 1;
    store.restore(state, number);
    const before = state.values[last] as number;
    const mustLeave = before !== 0 && machine.isRunnable(before - 1);
    let ended = true;
    const wasQuiet = machine.hasIdle && machine.isQuiet();
    for (const agent of order) {
      if (!machine.isEnabled(agent)) continue;
      ended = false;
      const mark = state.mark();
      machine.step(agent);
      transitions++;
      if (agent < threads) state.set(last, agent + 1);
      const fault = judge.afterStep();
      if (fault !== undefined) {
        return found({ violation: { fault, schedule: [...scheduleTo(number), agent] } });
      }
      const preempts = mustLeave && agent < threads && agent !== before - 1;
      const next = store.insert(state, rowOf(machine, scratch));
      room(next);
      const price = cost + (preempts ? 1 : 0);
      if (price < (costs[next] as number)) {
        costs[next] = price;
        parents[next] = number;
        agents[next] = agent;
        (preempts ? later : now).push(next);
      }
      state.undoTo(mark);
      const budget = limits.exceeded({ states: store.size, executions: 0, bytes: store.bytes });
      if (budget !== undefined) return found({ budget, completeTo: cost - 1 });
    }
    if (!ended && !wasQuiet) continue;
    deepest = Math.max(deepest, scheduleTo(number).length);
    const fault = judge.atEnd();
    if (fault !== undefined) {
      return found({ violation: { fault, schedule: scheduleTo(number) } });
    }
  }
}
