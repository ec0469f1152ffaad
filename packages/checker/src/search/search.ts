// What the searches share: what one is given, what it answers, and when it has to stop.
import type { Judge } from '../judge.ts';
import type { Machine } from '../machine.ts';
import type { Budget, CheckOptions } from '../options.ts';
import type { StepFault } from '../verbs.ts';

export interface SearchContext {
  readonly machine: Machine;
  readonly judge: Judge;
  /** Agents in the order in which they are tried. */
  readonly order: readonly number[];
  readonly limits: Limits;
  /** Go on after a violation, and count the executions that show one (dpor). */
  readonly countBad?: boolean;
}

export interface Found {
  readonly violation?: { readonly fault: StepFault; readonly schedule: readonly number[] };
  /** Why it stopped before its end. */
  readonly budget?: string;
  readonly completeTo?: number;
  readonly states: number;
  readonly transitions: number;
  readonly executions: number;
  /** Executions that end badly, where they were counted. */
  readonly bad?: number;
  readonly blocked: number;
  readonly depth: number;
  readonly bytesPerState: number;
  /** A state can be reached from itself. */
  readonly cyclic?: boolean;
}

const STEPS_BETWEEN_LOOKS = 1024;
const DEFAULT_BYTES = 2 ** 31;

/** The time was up in the middle of a step. */
export class OutOfTime extends Error {}

/** The budget of one check, over all its searches. */
export class Limits {
  readonly #budget: Budget;
  readonly #started = Date.now();
  readonly #progress: CheckOptions['progress'];
  readonly #stop: CheckOptions['stop'];
  #countdown = STEPS_BETWEEN_LOOKS;

  constructor({ budget = {}, progress, stop }: Pick<CheckOptions, 'budget' | 'progress' | 'stop'>) {
    this.#budget = budget;
    this.#progress = progress;
    this.#stop = stop;
  }

  get ms(): number {
    return Date.now() - this.#started;
  }

  /** Throws an OutOfTime: for what may take long between two looks of a search. */
  pulse(): void {
    const { ms } = this.#budget;
    if (ms !== undefined && this.ms > ms) throw new OutOfTime(`${number(ms)} ms`);
  }

  /** Why the search has to stop now, if it has. */
  exceeded(done: { states: number; executions: number; bytes: number }): string | undefined {
    const { states, executions, bytes = DEFAULT_BYTES } = this.#budget;
    if (states !== undefined && done.states > states) return `${number(states)} states`;
    if (executions !== undefined && done.executions >= executions)
      return `${number(executions)} executions`;
    if (done.bytes > bytes) return `${number(bytes)} bytes of states`;
    if (--this.#countdown > 0) return undefined;
    this.#countdown = STEPS_BETWEEN_LOOKS;
    this.#progress?.(done);
    const { ms } = this.#budget;
    return ms !== undefined && this.ms > ms ? `${number(ms)} ms` : this.#stop?.();
  }
}

const number = (value: number): string => value.toLocaleString('en-US');
