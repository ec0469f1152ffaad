// One program under one model, and as much as its budget lets be said of it.
import {
  type CheckOptions,
  check as checkProgram,
  type Program,
  type Search,
  type Verdict,
} from '@faultline/checker';
import { asGiven, type GivenBudget } from './budget.ts';
import type { Settings } from './settings.ts';

export interface Staged {
  readonly verdict: Verdict;
  /** Searches that ended with their budgets and found nothing, beside the one that the verdict is of. */
  readonly tried: readonly Verdict[];
}

type Progress = NonNullable<CheckOptions['progress']>;

/** Of the time, when it is not said how to search: for every state, then, of what is left, by preemptions. */
const SHARE_OF_STATES = 1 / 2;
const SHARE_OF_PREEMPTIONS = 3 / 4;
/** Of one thread. What is learned of a loop costs the square of its length: a longer one is better told of soon. */
const OPERATIONS = 2000;
/** At random, when there is no time to end it. */
const EXECUTIONS = 10_000;

/**
 * With a search named, that search. Without: every state; where the budget ends that, by preemptions, so that it can be said
 * what is complete; and then at random beyond.
 */
export function checkInStages(program: Program, settings: Settings, progress?: Progress): Staged {
  const options = optionsOf(settings, progress);
  const { search } = settings;
  const budget = budgetOf(settings);
  const check = (of: Program, how: CheckOptions): Verdict =>
    withBudgetAsGiven(checkProgram(of, how), budget);
  if (search !== undefined) {
    const own = isRandom(search) ? randomBudget(budget) : budget;
    return { verdict: bounded(check(program, { ...options, search, budget: own })), tried: [] };
  }
  const started = Date.now();
  const share = (part: number): GivenBudget =>
    budget.ms === undefined
      ? budget
      : { ...budget, ms: Math.max(1, Math.round((budget.ms - (Date.now() - started)) * part)) };
  const all = check(program, { ...options, budget: share(SHARE_OF_STATES) });
  if (all.verdict !== 'budget' || isUnbounded(all)) return { verdict: all, tried: [] };
  const preempted = bounded(
    check(program, { ...options, search: 'preemptions', budget: share(SHARE_OF_PREEMPTIONS) }),
  );
  if (preempted.verdict !== 'budget') return { verdict: preempted, tried: [all] };
  const beyond = check(program, { ...options, search: 'pct', budget: randomBudget(share(1)) });
  if (beyond.verdict === 'violated') return { verdict: beyond, tried: [all, preempted] };
  return { verdict: preempted, tried: [all, beyond] };
}

export const budgetOf = ({ budget }: Pick<Settings, 'budget'>): GivenBudget => ({
  operations: OPERATIONS,
  ...budget,
});

export const withBudgetAsGiven = (verdict: Verdict, budget: GivenBudget): Verdict =>
  verdict.budget === undefined ? verdict : { ...verdict, budget: asGiven(budget, verdict.budget) };

const isRandom = (search: Search): boolean => search === 'random' || search === 'pct';

/** A search that was stopped before it had left out nothing at all has no bound to tell. */
function bounded({ completeTo, ...verdict }: Verdict): Verdict {
  return completeTo === undefined || completeTo < 0 ? verdict : { ...verdict, completeTo };
}

const randomBudget = (budget: GivenBudget): GivenBudget =>
  budget.ms === undefined ? { executions: EXECUTIONS, ...budget } : budget;

/** No other search gets further. */
const isUnbounded = ({ budget }: Verdict): boolean => budget?.startsWith('unbounded') === true;

/** Without search and budget. */
export const optionsOf = (
  { model, merge, symmetry, spuriousWakeups, seed }: Settings,
  progress?: Progress,
): CheckOptions => ({
  model,
  merge,
  symmetry,
  spuriousWakeups,
  seed,
  ...(progress && { progress }),
});
