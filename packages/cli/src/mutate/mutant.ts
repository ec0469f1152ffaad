// A mutant of the shipped code: an operation on a shared word done worse, or a condition that nobody heeds.
import type { MemoryModel, Mutant as OperationMutant } from '@faultline/checker';
import type { Condition } from './outline.ts';

interface Named {
  /** Says what is done to what, without lines: stays what it is when other lines move. */
  readonly id: string;
  /** `dirty-bitmap.ts:19` */
  readonly place: string;
  readonly function: string;
}

export interface OfOperation extends Named {
  readonly operation: OperationMutant;
}

export interface OfCondition extends Named {
  /** Of the built file. */
  readonly url: string;
  readonly condition: Condition;
}

export type Mutant = OfOperation | OfCondition;

/** What was done: the kinds of operation mutants, and of conditions. */
export const kindOf = (mutant: Mutant): string =>
  'operation' in mutant ? mutant.operation.kind : mutant.condition.kind;

export const KINDS: Readonly<Record<string, string>> = {
  skip: 'an operation is not done; a lock, a wait, an exchange answers at once',
  delay: 'a store is done after the next operation of its thread',
  split: 'a read-modify-write is a load and a store',
  half: 'a 64-bit compare looks at the low half only',
  unguard: 'what is done under a condition is never done',
  drop: 'one side of an || or && is not heeded',
};

export const nameOf = ({ id, place }: Mutant): string => `${id} (${place})`;

/** Where a litmus was when it found out. */
export interface Kill {
  readonly litmus: string;
  readonly model: MemoryModel;
  /** A fault of the checker's, `threw`, or `never ends`. */
  readonly fault: string;
  readonly property: string;
}

/**
 * killed: some litmus does not hold any more. survived: all that come by it hold. undecided: none fails, and the budget
 * of some ended. failed: the check itself broke down.
 */
export interface Fate {
  readonly fate: 'killed' | 'survived' | 'undecided' | 'failed';
  readonly kill?: Kill;
  /** Litmuses that were tried and do not tell the mutant from the shipped code. */
  readonly alike: readonly string[];
  /** Litmuses whose budget ended, or what broke down. */
  readonly why?: string;
  readonly ms: number;
  /** The kill, drawn; where it was asked for. */
  readonly drawing?: string;
}
