// One schedule, written out for a reader: what each thread did, in order, and what it changed.
import type { Answer, Operation, SharedEvent } from '@faultline/atomics';

/** A line of somebody's code. */
export interface Frame {
  readonly function: string;
  /** As the stack trace has it: a path or a URL. */
  readonly file: string;
  readonly line: number;
}

/** A value as a reader sees it. */
export interface Said {
  readonly name: string;
  readonly text: string;
}

export interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export interface ExecutedStep {
  /** Index into `Execution.threads`. */
  readonly thread: number;
  /**
   * done: the operation took effect and answered. asleep: it blocked, and the thread sleeps (a later `wakes` lets it go on).
   * timeout: it slept and its time ran out. drain: not an operation; the oldest store in the thread's buffer reached memory.
   */
  readonly kind: 'done' | 'asleep' | 'timeout' | 'drain';
  readonly operation: Operation;
  readonly answer: Answer;
  /** The word operated on, and what it held before; absent for operations without one. */
  readonly found?: Said;
  readonly changes: readonly Change[];
  /** Whether a cmpxchg exchanged. */
  readonly exchanged?: boolean;
  /** Stores to the same word, since this thread last loaded it, that brought the old value back. */
  readonly aba?: number;
  /** Threads that it woke. */
  readonly wakes: readonly number[];
  /** Innermost first, from the line that called the seam outwards. */
  readonly site: readonly Frame[];
  /** What the thread said aloud just before this operation. */
  readonly events: readonly SharedEvent[];
}

/** How a thread stood when the execution ended. */
export interface Standing {
  readonly state: 'ended' | 'blocked' | 'idle' | 'running';
  /** Of a thread that has not ended: what it would do next, and where. */
  readonly operation?: Operation;
  readonly name?: string;
  readonly site?: readonly Frame[];
}

export interface Execution {
  /** Names, in column order. */
  readonly threads: readonly string[];
  readonly initial: readonly Said[];
  readonly steps: readonly ExecutedStep[];
  /** Words that differ from `initial` at the end. */
  readonly final: readonly Said[];
  readonly standing: readonly Standing[];
  /** What `--replay` takes: thread numbers in order, `3*5` for five steps of thread 3, `d2` for a drain of its buffer. */
  readonly schedule: string;
  /** Times that a thread was left though it could have gone on. */
  readonly preemptions: number;
}
