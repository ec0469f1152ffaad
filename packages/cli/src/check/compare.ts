// What the store buffers add: the ends under tso that sc has not, and the fences that take them away.
import { basename } from 'node:path';
import {
  type Fences,
  findFences,
  newOutcomes,
  type Program,
  type Verdict,
} from '@faultline/checker';
import { count } from '../table.ts';
import { wrap } from '../wrap.ts';
import { asGiven } from './budget.ts';
import type { Settings } from './settings.ts';
import { budgetOf, checkInStages, optionsOf } from './stages.ts';

export interface Comparison {
  /** The same program under sc. */
  readonly sc: Verdict;
  /** What the program observes of its ends, or the ends themselves; absent where a search did not see them all. */
  readonly added?: readonly string[];
  readonly of: 'outcome' | 'end';
  /** Where tso is otherwise than sc. */
  readonly fences?: Fences;
}

const MOST_SHOWN = 5;
/** For the fences, if nothing is said of the time. */
const MS_FOR_FENCES = 10_000;

/** `verdict` is of the same settings, under tso. */
export function compareWithSc(program: Program, settings: Settings, tso: Verdict): Comparison {
  // Under tso threads are never taken for one another, so neither here: an end has names in it.
  const alike = { ...settings, symmetry: false };
  const { verdict: sc } = checkInStages(program, { ...left(alike, tso.ms), model: 'sc' });
  const of = tso.outcomes.length > 0 ? 'outcome' : 'end';
  const told = withoutSometimes(program);
  const fences = (isClosed: (verdict: Verdict) => boolean): { fences: Fences } => {
    const inTime = left(alike, tso.ms + sc.ms);
    const { ms = MS_FOR_FENCES, ...budget } = budgetOf(inTime);
    const options = { ...optionsOf(inTime), budget: { ...budget, ms } };
    const { places, stopped } = findFences(told, isClosed, options);
    const why = stopped && asGiven(settings.budget, stopped);
    return { fences: { places, ...(why !== undefined && { stopped: why }) } };
  };
  const holds = ({ verdict }: Verdict): boolean => verdict === 'holds';
  if (holds(sc) && tso.verdict === 'violated') return { sc, of, ...fences(holds) };
  if (!holds(sc) || !holds(tso)) return { sc, of };
  const known = new Set(of === 'outcome' ? sc.outcomes : sc.ends);
  const added = (of === 'outcome' ? tso.outcomes : tso.ends).filter((one) => !known.has(one));
  if (added.length === 0) return { sc, of, added };
  const isClosed = (verdict: Verdict): boolean =>
    holds(verdict) && newOutcomes(program, verdict, sc).length === 0;
  return { sc, of, added, ...fences(isClosed) };
}

/** What is left of the time after `ms`. */
function left(settings: Settings, ms: number): Settings {
  const { budget } = settings;
  if (budget.ms === undefined) return settings;
  return { ...settings, budget: { ...budget, ms: Math.max(1, budget.ms - ms) } };
}

/** With fences, something may never happen that does without. */
function withoutSometimes({ sometimes: _sometimes, ...program }: Program): Program {
  return program;
}

export function comparisonLines(comparison: Comparison, tso: Verdict): readonly string[] {
  const { sc, added, of, fences } = comparison;
  const gone = fences === undefined ? [] : [wrap(fencesSentence(fences))];
  if (sc.verdict === 'budget' || tso.verdict === 'budget') {
    return [`Not compared with sc: a search ended with its budget.`];
  }
  if (sc.verdict === 'violated') {
    return [`Under sc as well: ${sc.violation?.fault}: ${sc.violation?.property}.`];
  }
  if (added === undefined) {
    return ['Under sc it holds: only a store buffer brings this about.', ...gone];
  }
  if (added.length === 0) return [`No ${of} is new against sc.`];
  const more = added.length - MOST_SHOWN;
  return [
    `New against sc: ${count(added.length)} ${of}${added.length === 1 ? '' : 's'}`,
    ...added.slice(0, MOST_SHOWN).map((one) => `  ${one}`),
    ...(more > 0 ? [`  and ${count(more)} more (--format json has them all)`] : []),
    ...gone,
  ];
}

/** `Gone with a fence after the store in left (ring.ts:12).` */
function fencesSentence({ places, stopped }: Fences): string {
  if (places === undefined) {
    if (stopped === undefined) return 'No fence after any store takes that away.';
    return `Where fences would take it away is not known: ${stopped} ended the search.`;
  }
  const stores = places.map(
    ({ function: name, file, line, verb }) =>
      `after the ${verb.replace(/\d+$/, '')} in ${name || 'a function'} (${basename(file)}:${line})`,
  );
  const perhaps = stopped === undefined ? '' : ` Fewer may do: ${stopped} ended the search.`;
  return `Gone with a fence ${stores.join(' and ')}.${perhaps}`;
}
