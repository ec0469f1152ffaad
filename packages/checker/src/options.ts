// What a search may be told, and when it has to give up.
import type { Mutant } from './mutation.ts';
import type { MemoryModel } from './program.ts';
import type { Search } from './verdict.ts';

export interface Budget {
  /** Milliseconds. */
  readonly ms?: number;
  /** Distinct states (states, preemptions). */
  readonly states?: number;
  /** Executions (dpor, random, pct). */
  readonly executions?: number;
  /** Bytes of stored states. */
  readonly bytes?: number;
  /** Operations of one thread: a loop that goes on for longer is called unbounded. 10,000 if absent. */
  readonly operations?: number;
}

export interface CheckOptions {
  /** `states` if absent. */
  readonly search?: Search;
  /** `sc` if absent. */
  readonly model?: MemoryModel;
  /** false: claims of `again` are ignored, and every history counts. */
  readonly merge?: boolean;
  /** false: identical threads are told apart. */
  readonly symmetry?: boolean;
  /** A sleeper may wake without a notify. */
  readonly spuriousWakeups?: boolean;
  /** false: the first violation found is drawn as it is, not one with the fewest preemptions. */
  readonly minimize?: boolean;
  /** dpor: go on after a violation, and count the executions that end badly. */
  readonly countBad?: boolean;
  /** Order in which threads are tried: names of all of them. */
  readonly order?: readonly string[];
  readonly budget?: Budget;
  /** One operation done worse: see `mutants`. */
  readonly mutant?: Mutant;
  /** For random and pct. */
  readonly seed?: number;
  /** Told now and then how far the search is. */
  readonly progress?: (done: { readonly states: number; readonly executions: number }) => void;
  /** Asked now and then, after `progress`: why the search has to end now, if it has. */
  readonly stop?: (() => string | undefined) | undefined;
}
