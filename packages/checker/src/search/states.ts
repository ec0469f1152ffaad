// Depth first through every state, each once. Promises all ends, deadlocks and properties, whatever they look at.
import { StateStore } from '../store.ts';
import { rowOf } from '../symmetry.ts';
import type { Found, SearchContext } from './search.ts';

export function searchStates({ machine, judge, order, limits }: SearchContext): Found {
  const { state } = machine;
  const hasIdle = machine.hasIdle;
  const store = new StateStore(state);
  const scratch = { row: new Int32Array(0) };
  let transitions = 0;
  let depth = 0;
  let deepest = 0;
  let cyclic = false;
  /** By state number: 1 while a path through it is being followed. */
  let onPath = new Uint8Array(1024);
  // The path: which agent stepped (by place in `order`), the journal before, the state's number.
  const tried: number[] = [];
  const marks: number[] = [];
  const numbers: number[] = [];
  const found = (extra: Partial<Found>): Found => ({
    states: store.size,
    transitions,
    executions: 0,
    blocked: 0,
    depth: deepest,
    bytesPerState: store.bytesPerState,
    cyclic,
    ...extra,
  });
  const schedule = (): number[] => tried.map((place) => order[place] as number);

  machine.reset();
  const wrong = judge.first();
  if (wrong !== undefined) return found({ violation: { fault: wrong, schedule: [] } });
  numbers.push(store.insert(state, rowOf(machine, scratch)));
  onPath[0] = 1;
  let place = 0;
  let moved = false;
  for (;;) {
    while (place < order.length && !machine.isEnabled(order[place] as number)) place++;
    if (place < order.length) {
      marks.push(state.mark());
      tried.push(place);
      machine.step(order[place] as number);
      transitions++;
      moved = true;
      const fault = judge.afterStep();
      if (fault !== undefined) return found({ violation: { fault, schedule: schedule() } });
      const number = store.insert(state, rowOf(machine, scratch));
      if (store.wasNew) {
        const budget = limits.exceeded({ states: store.size, executions: 0, bytes: store.bytes });
        if (budget !== undefined) return found({ budget });
        if (number >= onPath.length) {
          const larger = new Uint8Array(onPath.length * 2);
          larger.set(onPath);
          onPath = larger;
        }
        onPath[number] = 1;
        numbers.push(number);
        if (++depth > deepest) deepest = depth;
        place = 0;
        moved = false;
        continue;
      }
      if (onPath[number] === 1) cyclic = true;
      state.undoTo(marks.pop() as number);
      place = (tried.pop() as number) + 1;
      continue;
    }
    if (!moved || (hasIdle && machine.isQuiet())) {
      const fault = judge.atEnd();
      if (fault !== undefined) return found({ violation: { fault, schedule: schedule() } });
    }
    onPath[numbers.pop() as number] = 0;
    if (depth === 0) return found({});
    depth--;
    state.undoTo(marks.pop() as number);
    place = (tried.pop() as number) + 1;
    moved = true;
  }
}
