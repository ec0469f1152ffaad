// What the hooks of loops say to the search. A thread at the head of a loop is determined by how it came to the loop, and by
// the variables that turns hand on: the turns before this one can be forgotten. How it came there is, in turn, its last
// such claim and what it has seen since.
import type { Answer, Replay } from '@faultline/atomics';
import { sayAll } from './live-value.ts';

/** One entry into a loop. */
export interface Entry {
  /** Equal for equal states of the thread as it enters. */
  readonly key: string;
  /** Its stack names the loop's line and callers. */
  trace?: Error;
}

/** One run of one thread. */
export class LoopClaims {
  readonly #claim: Replay['claim'];
  /** A number for each different string, the same in all runs of the thread. */
  readonly #identify: (key: string) => number;
  /** How many operations this run has answers for, and how many it has answered. */
  readonly #log: number;
  #answered = 0;
  /** Stands for everything up to the last claim. */
  #since = '';
  #seen: string[] = [];
  /** The last claim, as long as nothing has been done since: turns without an operation cost little. */
  #latest: { readonly entry: Entry; readonly live: string } | undefined;
  #trace: Error | undefined;

  constructor(claim: Replay['claim'], identify: (key: string) => number, log: number) {
    this.#claim = claim;
    this.#identify = identify;
    this.#log = log;
  }

  enter(loop: string): Entry {
    this.#settle();
    return { key: `${loop} ${this.#since}:${this.#seen.join()}` };
  }

  turn(entry: Entry, live: readonly unknown[]): void {
    const text = sayAll(live);
    if (text === undefined) return; // an object that may have changed without a trace
    this.#latest = { entry, live: text };
    if (this.#atTheEnd) entry.trace ??= new Error();
  }

  /** An operation is about to be asked for. */
  asking(): void {
    const trace = this.#latest?.entry.trace;
    if (!this.#settle() || !this.#atTheEnd) return;
    this.#trace = trace;
    this.#claim([Number(this.#since)]);
  }

  saw(answer: Answer): void {
    this.#answered++;
    this.#seen.push(answer.high === 0 ? `${answer.low}` : `${answer.low}/${answer.high}`);
  }

  /** Where the claim that the search was told of was made. */
  get trace(): Error | undefined {
    return this.#trace;
  }

  /** The search looks at a claim only if nothing was done after it. */
  get #atTheEnd(): boolean {
    return this.#answered === this.#log;
  }

  #settle(): boolean {
    if (this.#latest === undefined) return false;
    const { entry, live } = this.#latest;
    this.#latest = undefined;
    this.#since = String(this.#identify(`${entry.key} (${live})`));
    this.#seen = [];
    return true;
  }
}

/** Numbers for strings, as they are met. */
export function identifier(): (key: string) => number {
  const known = new Map<string, number>();
  return (key) => {
    const number = known.get(key) ?? known.size;
    if (number === known.size) known.set(key, number);
    return number;
  };
}
