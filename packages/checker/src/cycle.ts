// An execution that comes back to a state it was in: could it go on so for ever?
import type { Machine } from './machine.ts';
import { StateStore } from './store.ts';
import type { StepFault } from './verbs.ts';

export const goOnForEver = (threads: readonly string[]): string =>
  `${threads.join(', ')} can go on for ever and get nowhere`;

/** Remembers the states of one execution. */
export class Cycle {
  readonly #machine: Machine;
  readonly #store: StateStore;
  readonly #numbers: number[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#store = new StateStore(machine.state);
    this.note();
  }

  note(): void {
    const { state } = this.#machine;
    this.#numbers.push(this.#store.insert(state, state.values));
  }

  /** Steps since the state was last what it is now; 0 if it never was. */
  get length(): number {
    const now = this.#numbers.length - 1;
    const before = this.#numbers.lastIndexOf(this.#numbers[now] as number, now - 1);
    return now === 0 || before < 0 ? 0 : now - before;
  }
}

/** If a fair scheduler could follow the cycle for ever: whoever could go on all along it takes a step in it. */
export function livelockOf(
  machine: Machine,
  cycle: readonly number[],
  able: readonly number[],
): StepFault | undefined {
  const alwaysAble = able.slice(-cycle.length).reduce((all, bits) => all & bits, -1);
  const moving = cycle.reduce((bits, agent) => bits | (1 << agent), 0);
  const busy = machine.names.filter(
    (_, thread) => (moving & (1 << thread)) !== 0 && !machine.isIdle(thread),
  );
  if ((alwaysAble & ~moving) !== 0 || busy.length === 0) return undefined;
  return { fault: 'livelock', property: goOnForEver(busy) };
}
