// Several steps of one thread in one line. In: the steps of a row with their phrases, and the values at the beginning;
// out: the row's text, with state and note if the row is about a single word.
import { nameOf, type Phrase, type PhrasedStep } from './phrase.ts';
import { isWrite, kindOf, wordOf } from './verbs.ts';

export type FoldedText = Pick<Phrase, 'text' | 'state' | 'note'>;

export function foldSteps(
  steps: readonly PhrasedStep[],
  initial: ReadonlyMap<string, string>,
): FoldedText {
  const runs = runsOf(steps.filter((one, index) => !isReadToWrite(one, steps[index + 1])));
  const [first, ...more] = runs;
  if (first === undefined) return { text: '' };
  if (more.length === 0 && new Set(first.map(named)).size === 1) return alone(first);
  return { text: runs.map((run) => together(run, initial)).join('; ') };
}

const isRead = ({ step }: PhrasedStep): boolean => kindOf(step.operation) === 'read';
const named = ({ step }: PhrasedStep): string => nameOf(step);

/** `read spte; spte = RW`: the write's own words tell what it found. */
const isReadToWrite = (one: PhrasedStep, next: PhrasedStep | undefined): boolean =>
  next !== undefined && isRead(one) && isWrite(next.step.operation) && named(one) === named(next);

/** Reads that follow one another are one run; every other step is a run by itself. */
function runsOf(steps: readonly PhrasedStep[]): readonly (readonly PhrasedStep[])[] {
  const runs: PhrasedStep[][] = [];
  for (const one of steps) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    const continues = first !== undefined && isRead(first) && isRead(one) && isSameWord(first, one);
    if (continues) run?.push(one);
    else runs.push([one]);
  }
  return runs;
}

const isSameWord = (a: PhrasedStep, b: PhrasedStep): boolean =>
  wordOf(a.step.operation) === wordOf(b.step.operation);

/** A single step, or reads of one word again and again. */
function alone(run: readonly PhrasedStep[]): FoldedText {
  const { text, state, note } = (run.at(-1) as PhrasedStep).phrase;
  return {
    text: run.length === 1 ? text : `${text}, ${run.length} times`,
    ...(state !== undefined && { state }),
    ...(note !== undefined && { note }),
  };
}

function together(run: readonly PhrasedStep[], initial: ReadonlyMap<string, string>): string {
  const [first] = run as readonly [PhrasedStep];
  if (!isRead(first)) return first.phrase.brief ?? first.phrase.text;
  const words = new Set(run.map((one) => valued(one, initial)));
  return `${wordOf(first.step.operation)} ${[...words].join(', ')}`;
}

/** The word's name, with the value read if that is not what it held at the beginning. */
function valued({ step }: PhrasedStep, initial: ReadonlyMap<string, string>): string {
  const name = nameOf(step);
  const text = step.found?.text;
  return text === undefined || initial.get(name) === text ? name : `${name} = ${text}`;
}
