// What the command line says of a search.
import type { MemoryModel, Search } from '@faultline/checker';
import type { GivenBudget } from './budget.ts';

export interface Settings {
  readonly model: MemoryModel;
  /** Absent: see `checkInStages`. */
  readonly search?: Search;
  readonly merge: boolean;
  readonly symmetry: boolean;
  readonly spuriousWakeups: boolean;
  readonly budget: GivenBudget;
  readonly seed: number;
}

export const SEARCHES: readonly Search[] = ['states', 'dpor', 'preemptions', 'random', 'pct'];
export const MODELS: readonly MemoryModel[] = ['sc', 'tso'];

export type Format = 'text' | 'markdown' | 'json' | 'svg';
export const FORMATS: readonly Format[] = ['text', 'markdown', 'json', 'svg'];

/** What is searched when nothing is said. */
export const PLAIN: Settings = {
  model: 'sc',
  merge: true,
  symmetry: true,
  spuriousWakeups: false,
  budget: {},
  seed: 1,
};
