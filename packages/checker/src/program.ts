// What is checked: threads over shared words, the state they begin in, and what must hold of it.
import type { Answer, Operation, Run, SeamMap, Shared, Step } from '@faultline/atomics';

/**
 * A thread. It makes its own private state, is deterministic, and has no effect but through the seam and its result: then
 * it can be run again from its start, which is all that a search needs.
 */
export type Body = (mem: Shared) => unknown;

/** A thread that is not written over the seam's verbs. `run` answers what it does after `log`, and throws a ReplayError. */
export interface Thread {
  readonly run: (log: readonly Step[]) => Run<unknown>;
}

/** Holds of a state; `mem` only loads (any other verb throws), so that functions made for threads can be used. */
export type Property = (mem: Shared) => boolean;

/** What the threads returned, by name. */
export type Results = Readonly<Record<string, unknown>>;

/** A word that drawings call by name. Words nobody names are called by their address. */
export interface NamedWord {
  readonly name: string;
  /** Byte address; of guest memory, the index of its 32-bit word. */
  readonly address: number;
  readonly object?: 'words' | 'ram';
  /** 4 if absent. */
  readonly bytes?: 4 | 8;
  /** A value as a reader would write it: decoded bits. Signed decimal if absent. */
  readonly format?: (low: number, high: number) => string;
}

export interface Program {
  readonly name: string;
  /** In the order of the drawing's columns. A thread's number is its place here. Fifteen at most. */
  readonly threads: Readonly<Record<string, Body | Thread>>;
  /** Makes the first state, alone. All words are 0 before. */
  readonly setup?: (mem: Shared) => void;
  /** Of every state. */
  readonly always?: Readonly<Record<string, Property>>;
  /** Of every state in which all threads have ended (or are idle). */
  readonly finally?: Readonly<Record<string, (mem: Shared, results: Results) => boolean>>;
  /** Of some state at least: the danger is really met, so that no `always` holds for want of it. */
  readonly sometimes?: Readonly<Record<string, Property>>;
  /** What a reader wants to know of an end, beside the words: outcomes are compared between programs and models. */
  readonly observe?: (mem: Shared, results: Results) => unknown;
  readonly words?: readonly NamedWord[];
  /** Threads that serve others: asleep or blocked at the end is no deadlock for them. */
  readonly idle?: readonly string[];
  /** Threads that are alike: same body, and nothing in shared memory says which is which. */
  readonly symmetric?: readonly (readonly string[])[];
  /** Where alloc's frames lie. Absent: alloc throws. */
  readonly frames?: Pick<SeamMap, 'framesAt' | 'frames' | 'frameBytes'>;
  /** Two accesses that meet, one of them plain, one a store, are an error. */
  readonly dataRaces?: 'error' | 'ignored';
  /** The event that a drawing ends with when a property fails: `after KSM the host pte is read-only, ...`. */
  readonly oops?: string;
}

/** sc: as JavaScript's atomics. tso: plain stores wait in their processor's buffer, as on x86. */
export type MemoryModel = 'sc' | 'tso';

export type { Answer, Operation, Shared };
