// What the store buffers add: the ends under tso that sc has not.
import type { Program, Verdict } from '@faultline/checker';
import type { Settings } from './settings.ts';
import { checkInStages } from './stages.ts';

export interface Comparison {
  /** The same program under sc. */
  readonly sc: Verdict;
  /** What the program observes of its ends, or the ends themselves; absent where a search did not see them all. */
  readonly added?: readonly string[];
  readonly of: 'outcome' | 'end';
}

const MOST_SHOWN = 5;

/** `verdict` is of the same settings, under tso. */
export function compareWithSc(program: Program, settings: Settings, tso: Verdict): Comparison {
  // Under tso threads are never taken for one another, so neither here: an end has names in it.
  const { verdict: sc } = checkInStages(program, { ...settings, model: 'sc', symmetry: false });
  const of = tso.outcomes.length > 0 ? 'outcome' : 'end';
  if (sc.verdict !== 'holds' || tso.verdict !== 'holds') return { sc, of };
  const known = new Set(of === 'outcome' ? sc.outcomes : sc.ends);
  const added = (of === 'outcome' ? tso.outcomes : tso.ends).filter((one) => !known.has(one));
  return { sc, of, added };
}

export function comparisonLines({ sc, added, of }: Comparison, tso: Verdict): readonly string[] {
  if (sc.verdict === 'budget' || tso.verdict === 'budget') {
    return [`Not compared with sc: a search ended with its budget.`];
  }
  if (sc.verdict === 'violated') {
    return [`Under sc as well: ${sc.violation?.fault}: ${sc.violation?.property}.`];
  }
  if (added === undefined) return ['Under sc it holds: only a store buffer brings this about.'];
  if (added.length === 0) return [`No ${of} is new against sc.`];
  const more = added.length - MOST_SHOWN;
  return [
    `New against sc: ${added.length} ${of}${added.length === 1 ? '' : 's'}`,
    ...added.slice(0, MOST_SHOWN).map((one) => `  ${one}`),
    ...(more > 0 ? [`  and ${more} more (--format json has them all)`] : []),
  ];
}
