// One mutant, tried on the litmuses that come by it until one does not hold any more.
import {
  type CheckOptions,
  check,
  drawText,
  type Verdict,
  type Violation,
} from '@faultline/checker';
import { wrap } from '../wrap.ts';
import { type Fate, type Kill, type Mutant, nameOf } from './mutant.ts';
import { programOf, type Survey, type Try } from './survey.ts';

export interface Trial {
  readonly mutant: Mutant;
  /** In the order in which they are tried. */
  readonly surveys: readonly Pick<Survey, 'litmus' | 'model' | 'states' | 'depth'>[];
  readonly draw: boolean;
}

/** A mutant has more states than what ships, and longer executions; some have no end. */
const MORE_STATES = 20;
const LEAST_STATES = 200_000;
const MORE_OPERATIONS = 20;
const LEAST_OPERATIONS = 1_000;
const MOST_MS = 120_000;
const MOST_BYTES = 2 ** 30;

/** Of the checker itself: they say nothing of the mutant. */
const BREAKDOWNS = ['ReplayError', 'ScheduleError'];

/** What a litmus says of a mutant; undefined: it holds as before. */
type Said = (Kill & { readonly violation?: Violation }) | 'budget ended' | undefined;

/** `at` is told before each litmus, and as it goes on. The mutants of conditions are in the code already. */
export function tryMutant({ mutant, surveys, draw }: Trial, at: (of: Try) => void): Fate {
  const started = Date.now();
  const alike: string[] = [];
  const open: string[] = [];
  // A danger that is not met any more is a weak reason: some other litmus may name a law that is broken.
  let weak: (Kill & { readonly violation?: Violation }) | undefined;
  const killed = ({ violation, ...kill }: Kill & { violation?: Violation }): Fate => ({
    fate: 'killed',
    kill,
    alike,
    ms: Date.now() - started,
    ...(draw && { drawing: drawingOf(mutant, kill, violation) }),
  });
  for (const survey of surveys) {
    at(survey);
    const label = labelOf(survey);
    let said: Said;
    try {
      said = ask(mutant, survey, { minimize: draw, progress: () => at(survey) });
    } catch (error) {
      const { name, message } = error as Error;
      if (BREAKDOWNS.includes(name) || /not confirmed/.test(message)) {
        return { fate: 'failed', alike, why: `${label}: ${message}`, ms: Date.now() - started };
      }
      said = { ...survey, fault: 'threw', property: message.split('\n')[0] as string };
    }
    if (said === undefined) alike.push(label);
    else if (said === 'budget ended') open.push(label);
    else if (said.fault === 'sometimes') weak ??= said;
    else return killed(said);
  }
  if (weak !== undefined) return killed(weak);
  const ms = Date.now() - started;
  if (open.length === 0) return { fate: 'survived', alike, ms };
  return { fate: 'undecided', alike, why: open.join(', '), ms };
}

export const labelOf = ({ litmus, model }: Try): string =>
  model === 'sc' ? litmus : `${litmus} (${model})`;

function ask(
  mutant: Mutant,
  survey: Trial['surveys'][number],
  options: Pick<CheckOptions, 'minimize' | 'progress'>,
): Said {
  const { litmus, model, states, depth } = survey;
  const verdict = check(programOf(litmus), {
    ...options,
    model,
    ...('operation' in mutant && { mutant: mutant.operation }),
    budget: {
      states: Math.max(LEAST_STATES, MORE_STATES * states),
      operations: Math.max(LEAST_OPERATIONS, MORE_OPERATIONS * depth),
      ms: MOST_MS,
      bytes: MOST_BYTES,
    },
  });
  return saidBy(verdict, { litmus, model });
}

function saidBy({ violation, budget }: Verdict, of: Try): Said {
  if (violation !== undefined) {
    const { fault, property } = violation;
    return { ...of, fault, property, violation };
  }
  if (budget === undefined) return undefined;
  if (!budget.startsWith('unbounded')) return 'budget ended';
  const [, file = '', line = ''] = /([\w-]+\.[jt]s):(\d+)/.exec(budget) ?? [];
  return { ...of, fault: 'never ends', property: `loop at ${file}:${line}` };
}

function drawingOf(mutant: Mutant, kill: Kill, violation: Violation | undefined): string {
  const title = `${labelOf(kill)} with ${nameOf(mutant)}`;
  if (violation?.execution === undefined) return wrap(`${title}: ${kill.fault}: ${kill.property}`);
  const replay = `faultline check ${kill.litmus} --mutate "${mutant.id}"`;
  return drawText(violation, { title, model: kill.model, replay });
}
