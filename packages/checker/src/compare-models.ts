// One program under both memory models: what store buffers add, and where fences would take it away.
import { Exploration } from './exploration.ts';
import { type Alter, isAt, type Place } from './mutation.ts';
import type { CheckOptions } from './options.ts';
import type { MemoryModel, Program } from './program.ts';
import { withStacks } from './site.ts';
import type { Verdict } from './verdict.ts';

/** What x86's store buffers make possible, and the fewest stores that have to be drained at once so that it is not. */
export interface ModelDifference {
  readonly sc: Verdict;
  readonly tso: Verdict;
  /** Ends (or, where `observe` is given, outcomes) that sc does not have. */
  readonly onlyTso: readonly string[];
  /** Plain stores after each of which a fence belongs; undefined if even all of them do not help, or budgets ended. */
  readonly fences: readonly Place[] | undefined;
}

/** Checks `program` under both models. Violations do not end the comparison: properties are left aside for it. */
export function compareModels(program: Program, options: CheckOptions = {}): ModelDifference {
  return withStacks(() => {
    const { always: _always, finally: _finally, sometimes: _sometimes, ...bare } = program;
    const explore = (model: MemoryModel, alter?: Alter): Exploration =>
      new Exploration(bare, { ...options, model, search: 'states' }, { alter });
    const sc = explore('sc').verdict();
    const buffered = explore('tso');
    const tso = buffered.verdict();
    const allowed = new Set(seen(program, sc));
    const onlyTso = seen(program, tso).filter((end) => !allowed.has(end));
    const closes = (places: readonly Place[]): boolean => {
      const verdict = explore('tso', drainedAt(places)).verdict();
      return verdict.verdict === 'holds' && seen(program, verdict).every((end) => allowed.has(end));
    };
    return { sc, tso, onlyTso, fences: subsets(buffered.plainStores()).find(closes) };
  });
}

/** What `verdict` met that `reference` did not: outcomes where `observe` is given, else ends. None: it refines it. */
export const newOutcomes = (program: Program, verdict: Verdict, reference: Verdict): string[] => {
  const allowed = new Set(seen(program, reference));
  return seen(program, verdict).filter((outcome) => !allowed.has(outcome));
};

const seen = ({ observe }: Program, { ends, outcomes }: Verdict): readonly string[] =>
  observe === undefined ? ends : outcomes;

/** A store followed by a fence is one that takes effect at once, after all before it. */
const drainedAt =
  (places: readonly Place[]): Alter =>
  (instruction, run) =>
    places.some((place) => isAt(place, instruction, run))
      ? { ...instruction, plain: false }
      : instruction;

/** The smallest first. */
function subsets<Item>(items: readonly Item[]): Item[][] {
  const all = Array.from({ length: 2 ** Math.min(items.length, 16) }, (_, bits) =>
    items.filter((_, index) => (bits >>> index) & 1),
  );
  return all.sort((a, b) => a.length - b.length);
}
