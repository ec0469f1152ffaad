// What a check found, for programs and for people.
import type { Execution } from './execution.ts';
import type { MemoryModel } from './program.ts';

export type Fault =
  | 'always'
  | 'finally'
  | 'sometimes'
  | 'deadlock'
  | 'lost wakeup'
  | 'livelock'
  | 'use after free'
  | 'data race'
  | 'misuse'
  | 'threw';

export interface Violation {
  readonly fault: Fault;
  /** The property's name, or a sentence that says what went wrong. */
  readonly property: string;
  /** The program's sentence for the end of a drawing. */
  readonly oops?: string | undefined;
  /** Absent for a `sometimes` that was never met: no single execution shows it. */
  readonly execution?: Execution;
  /** livelock: so many of the last steps lead back to the state before them. */
  readonly repeats?: number;
}

/** states: every state once. dpor: one execution per equivalence class. preemptions: states, by preemptions. */
export type Search = 'states' | 'dpor' | 'preemptions' | 'random' | 'pct';

/** A claim of `again` that the search relied on. */
export interface Assumption {
  readonly thread: string;
  readonly site: string;
  /** Histories that were taken for one another. */
  readonly histories: number;
}

export interface Verdict {
  readonly program: string;
  readonly model: MemoryModel;
  readonly search: Search;
  /** The search was cut into so many. What several of them begin with counts in each. */
  readonly parts?: number;
  /** budget: the search did not end, and found nothing so far. */
  readonly verdict: 'holds' | 'violated' | 'budget';
  readonly violation?: Violation;
  /** Why the search ended early: time, states, memory, or a loop that never ends, with its line. */
  readonly budget?: string;
  /** Every execution with at most so many preemptions was explored; absent if the search was complete. */
  readonly completeTo?: number;
  readonly states: number;
  readonly transitions: number;
  /** Complete executions (dpor, random), or distinct end states met (states). */
  readonly executions: number;
  /** Executions that end badly, where they were counted (`countBad`). */
  readonly bad?: number;
  /** Executions that dpor cut because their class was known. */
  readonly blocked: number;
  /** Steps of the longest execution. */
  readonly depth: number;
  readonly ms: number;
  /** Runs of the threads' own code. */
  readonly runs: number;
  readonly bytesPerState: number;
  readonly assumptions: readonly Assumption[];
  /** Distinct end states met, one line each, sorted: words by name, then results. */
  readonly ends: readonly string[];
  /** Distinct values of `observe`, as JSON, sorted. */
  readonly outcomes: readonly string[];
  /** SHA-256 of the ends and their number. Equal for every complete search of the same program. */
  readonly certificate: string;
}
