// All mutants that the litmuses come by, and what becomes of each.
import type { MemoryModel } from '@faultline/checker';
import { surveyInWorkers, tryInWorkers } from '../mutate-pool.ts';
import type { Fate, Mutant } from './mutant.ts';
import { nameOf } from './mutant.ts';
import { conditionMutants, shippedFiles } from './shipped.ts';
import { type Survey, tries } from './survey.ts';
import { labelOf, type Trial } from './trial.ts';

export interface Asked {
  /** A litmus; all if absent. */
  readonly litmus?: string | undefined;
  readonly model?: MemoryModel | undefined;
  /** Mutants whose names hold it; all if absent. */
  readonly filter?: string | undefined;
  readonly workers: number;
}

export interface Tried {
  readonly mutant: Mutant;
  readonly fate: Fate;
}

export interface Progress {
  surveyed(done: number, of: number): void;
  tried(done: number, of: number, tried: Tried): void;
}

export interface Outcome {
  readonly tried: readonly Tried[];
  readonly surveys: readonly Survey[];
  readonly ms: number;
}

/** In the order of the source files. Of one mutant alone the kill is drawn. */
export async function mutate(asked: Asked, progress: Progress): Promise<Outcome> {
  const { litmus, model, filter, workers } = asked;
  const started = Date.now();
  const wanted = tries()
    .filter((one) => litmus === undefined || one.litmus === litmus)
    .filter((one) => model === undefined || one.model === model);
  let surveyed = 0;
  const surveys = await surveyInWorkers(wanted, workers, () =>
    progress.surveyed(++surveyed, wanted.length),
  );
  const mutants = mutantsIn(surveys).filter(
    (mutant) => filter === undefined || nameOf(mutant).includes(filter),
  );
  const trials = mutants.map(
    (mutant): Trial => ({ mutant, surveys: cheapest(mutant, surveys), draw: mutants.length === 1 }),
  );
  let done = 0;
  const fates = await tryInWorkers(trials, workers, (index, fate) =>
    progress.tried(++done, trials.length, { mutant: mutants[index] as Mutant, fate }),
  );
  const tried = mutants.map((mutant, index) => ({ mutant, fate: fates[index] as Fate }));
  return { tried, surveys, ms: Date.now() - started };
}

/** Litmuses that do not hold as they ship tell nothing. */
export const unsound = (surveys: readonly Survey[]): string[] =>
  surveys.filter(({ holds }) => !holds).map(labelOf);

function mutantsIn(surveys: readonly Survey[]): Mutant[] {
  const operations = new Map(
    surveys.flatMap(({ operations }) => operations.map((one) => [one.id, one] as const)),
  );
  const asked = new Set(surveys.flatMap(({ conditions }) => conditions));
  const files = shippedFiles();
  const conditions = conditionMutants(files).filter(({ id }) => asked.has(id));
  const rank = (mutant: Mutant): number => {
    const [file = '', line] = mutant.place.split(':');
    return files.findIndex(({ name }) => name === file) * 1e5 + Number(line);
  };
  return [...operations.values(), ...conditions].sort((a, b) => rank(a) - rank(b));
}

/** Litmuses that come by it, the smallest first. */
const cheapest = (mutant: Mutant, surveys: readonly Survey[]): Survey[] =>
  surveys
    .filter(({ holds, operations, conditions, neverTrue }) => {
      if (!holds) return false;
      return 'operation' in mutant
        ? operations.some(({ id }) => id === mutant.id)
        : conditions.includes(mutant.id) && !neverTrue.includes(mutant.id);
    })
    .sort((a, b) => a.states - b.states);
