// One program under both memory models: what store buffers add, and where fences would take it away.
import { check } from './check.ts';
import { findFences } from './fences.ts';
import type { Place } from './mutation.ts';
import type { CheckOptions } from './options.ts';
import type { MemoryModel, Program } from './program.ts';
import type { Verdict } from './verdict.ts';

/** What x86's store buffers make possible, and the fewest stores that have to be drained at once so that it is not. */
export interface ModelDifference {
  readonly sc: Verdict;
  readonly tso: Verdict;
  /** Ends (or, where `observe` is given, outcomes) that sc does not have. */
  readonly onlyTso: readonly string[];
  /** Plain stores after each of which a fence belongs; undefined if even all of them do not help, or budgets ended. */
  readonly fences: readonly Place[] | undefined;
  /** Of what the search for fences was cut short: then fewer might do, or any. */
  readonly stopped?: string;
}

/** Checks `program` under both models. Violations do not end the comparison: properties are left aside for it. */
export function compareModels(program: Program, options: CheckOptions = {}): ModelDifference {
  const { always: _always, finally: _finally, sometimes: _sometimes, ...bare } = program;
  const end = Date.now() + (options.budget?.ms ?? Number.POSITIVE_INFINITY);
  const inTime = (): CheckOptions => {
    const ms = Math.max(1, end - Date.now());
    return Number.isFinite(ms) ? { ...options, budget: { ...options.budget, ms } } : options;
  };
  // Under tso threads are never taken for one another: so neither under sc, as an end has their names in it.
  const under = (model: MemoryModel): Verdict =>
    check(bare, { ...inTime(), model, search: 'states', symmetry: false });
  const sc = under('sc');
  const tso = under('tso');
  const onlyTso = newOutcomes(program, tso, sc);
  const found = { sc, tso, onlyTso };
  const ended = [sc, tso].find(({ verdict }) => verdict === 'budget');
  if (ended !== undefined) {
    return { ...found, fences: undefined, ...(ended.budget && { stopped: ended.budget }) };
  }
  if (onlyTso.length === 0) return { ...found, fences: [] };
  const isClosed = (verdict: Verdict): boolean =>
    verdict.verdict === 'holds' && newOutcomes(program, verdict, sc).length === 0;
  const { places: fences, ...more } = findFences(bare, isClosed, inTime());
  return { ...found, fences, ...more };
}

/** What `verdict` met that `reference` did not: outcomes where `observe` is given, else ends. None: it refines it. */
export const newOutcomes = (program: Program, verdict: Verdict, reference: Verdict): string[] => {
  const allowed = new Set(seen(program, reference));
  return seen(program, verdict).filter((outcome) => !allowed.has(outcome));
};

const seen = ({ observe }: Program, { ends, outcomes }: Verdict): readonly string[] =>
  observe === undefined ? ends : outcomes;
