// `faultline check [NAME] --mutate [MUTANT]`
import type { MemoryModel } from '@faultline/checker';
import type { Answer } from '../check/answer.ts';
import type { Format } from '../check/settings.ts';
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit.ts';
import { Progress } from '../progress.ts';
import { mutate, type Outcome, type Tried } from './mutate.ts';
import { isSound, json, markdown, summary, triedLine } from './report.ts';
import { shippedFiles } from './shipped.ts';

export interface MutateWords {
  readonly litmus?: string | undefined;
  readonly model?: MemoryModel | undefined;
  readonly filter?: string | undefined;
  readonly workers: number;
  readonly format: Format;
}

/** `write` gets a line for each mutant as it comes. Exit code 1: one lives that nobody has explained. */
export async function mutateAnswer(
  words: MutateWords,
  write: (text: string) => void,
): Promise<Answer & { readonly outcome: Outcome }> {
  const { litmus, filter, format } = words;
  if (format === 'svg')
    throw new UsageError('--mutate: expected one of text, markdown, json, got svg');
  if (shippedFiles().length === 0) {
    throw new UsageError('--mutate: expected a built Faultline, got none: npm run build');
  }
  const outcome = await run(words, format === 'text' ? write : () => {});
  if (outcome.tried.length === 0) {
    throw new UsageError(
      filter === undefined
        ? `--mutate: expected a litmus that holds, got '${litmus}'`
        : `--mutate: expected part of a mutant's name, got '${filter}'; --mutate alone lists all`,
    );
  }
  const isComplete = litmus === undefined && filter === undefined && words.model === undefined;
  const code = isSound(outcome, isComplete) ? EXIT_OK : EXIT_FINDING;
  const out = {
    text: () => `\n${summary(outcome, isComplete, words.workers)}\n`,
    json: () => json(outcome),
    markdown: () => markdown(outcome),
  }[format]();
  return { out, code, outcome };
}

async function run(words: MutateWords, write: (text: string) => void): Promise<Outcome> {
  const progress = new Progress();
  const show = (one: Tried): void => {
    progress.clear();
    const { drawing } = one.fate;
    write(`${triedLine(one)}\n${drawing === undefined ? '' : `\n${drawing}\n`}`);
  };
  try {
    return await mutate(words, {
      surveyed: (done, of) => progress.show(`mutate: ${done} of ${of} litmuses surveyed`),
      tried(done, of, one) {
        show(one);
        progress.show(`mutate: ${done} of ${of} mutants`);
      },
    });
  } finally {
    progress.clear();
  }
}
