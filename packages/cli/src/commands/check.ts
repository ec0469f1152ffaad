// faultline check: programs of a few threads in every interleaving, ours or the user's own.
import { availableParallelism } from 'node:os';
import type { MemoryModel, Search } from '@faultline/checker';
import { Command, Option } from 'commander';
import type { Answer } from '../check/answer.ts';
import { budget, EXAMPLES, type GivenBudget } from '../check/budget.ts';
import { checkAll } from '../check/check-all.ts';
import { checkOne, checkOneBy, type Searched } from '../check/check-one.ts';
import { checkWithCheckpoint } from '../check/checkpoint.ts';
import { listJson, listMarkdown, listText } from '../check/listing.ts';
import { checkInParts } from '../check/parts.ts';
import { replayOne } from '../check/replay-one.ts';
import { FORMATS, type Format, MODELS, SEARCHES, type Settings } from '../check/settings.ts';
import { findLitmus, findSubject, type Subject } from '../check/subject.ts';
import { checkInWorkers, type Going, partsInWorkers } from '../check-pool.ts';
import { EXIT_OK, UsageError } from '../exit.ts';
import { mutateAnswer } from '../mutate/answer.ts';
import { oneOf, whole } from '../words.ts';

interface Options {
  readonly model?: MemoryModel;
  readonly search?: Search;
  readonly replay?: string;
  readonly races?: true;
  readonly list?: true;
  readonly mutate?: true | string;
  readonly checkpoint?: string;
  readonly budget: GivenBudget;
  readonly merge: boolean;
  readonly symmetry: boolean;
  readonly spuriousWakeups?: true;
  readonly seed: number;
  readonly jobs: number;
  readonly format: Format;
}

const MOST_JOBS = 256;
const MOST_SEED = 2 ** 31 - 1;

/** `exit` is told the exit code; `version` is that of Faultline. */
export const checkCommand = (exit: (code: number) => void, version: string): Command =>
  new Command('check')
    .argument(
      '[NAME]',
      'a litmus (--list), or a FILE.js or .ts of your own; all that hold if absent',
    )
    .option('-l, --list', 'list the litmuses')
    .option('--races', 'check the broken variants: each known race must be found')
    .option(
      '--model <MODEL>',
      `memory model: sc, or tso: plain stores wait in a buffer, as on x86 (the first that the litmus claims)`,
      oneOf(MODELS),
    )
    .option(
      '--search <SEARCH>',
      `${SEARCHES.join(', ')} (states; where the budget ends it, preemptions, then pct)`,
      oneOf(SEARCHES),
    )
    .addOption(
      new Option(
        '--budget <VALUE>',
        `what a search may use: ${EXAMPLES} (of one thread, or its loop is unbounded); each kind once`,
      )
        .argParser(budget)
        .default({}, '2GiB, 2k-operations'),
    )
    .option('--replay <SCHEDULE>', 'carry out one schedule, as printed with a drawing')
    .option(
      '--mutate [MUTANT]',
      'do one operation of the shipped code worse, or leave one condition out: NAME, or some litmus, must fail; part of a name picks mutants',
    )
    .option(
      '--checkpoint <FILE>',
      'dpor: where the budget ends it, keep where it stopped in FILE, and go on from there next time (one worker)',
    )
    .option('--no-merge', 'believe no claim of again(): every history counts')
    .option('--no-symmetry', 'tell threads apart that are alike')
    .option('--spurious-wakeups', 'let sleepers wake without a notify')
    .option('--seed <N>', 'for random and pct', whole(1, MOST_SEED), 1)
    .addOption(
      new Option('-j, --jobs <N>', 'worker threads for many checks, and for dpor')
        .argParser(whole(1, MOST_JOBS))
        .default(availableParallelism(), 'as many as processors'),
    )
    .option('-f, --format <FORMAT>', FORMATS.join(', '), oneOf(FORMATS), 'text')
    .addOption(new Option('--json', 'short for --format json').implies({ format: 'json' }))
    .action(async (name: string | undefined, options: Options) => {
      const { out, aside = '', code } = await answer(name, options, version);
      process.stdout.write(out);
      process.stderr.write(aside);
      exit(code);
    });

async function answer(
  name: string | undefined,
  options: Options,
  version: string,
): Promise<Answer> {
  refuse(name, options);
  const { model, format, jobs: workers, replay } = options;
  const settings = settingsOf(options);
  if (options.list) return { out: list(format), code: EXIT_OK };
  if (options.mutate !== undefined) {
    const filter = options.mutate === true ? undefined : options.mutate;
    const litmus = name === undefined ? undefined : findLitmus(name).name;
    return mutateAnswer({ litmus, model, filter, workers, format }, (text) =>
      process.stdout.write(text),
    );
  }
  if (name === undefined) {
    const which = options.races ? 'Sometimes' : 'Never';
    return checkAll({ which, model, settings, workers, format }, checkInWorkers, (text) =>
      process.stdout.write(text),
    );
  }
  const subject = await findSubject(name);
  const own = { ...settings, model: model ?? subject.litmus?.models?.[0] ?? 'sc' };
  if (replay !== undefined) return replayOne(subject, replay, own, format);
  return own.search === 'dpor'
    ? checkByDpor(subject, own, options, version)
    : checkOne(subject, own, format);
}

function checkByDpor(
  subject: Subject,
  settings: Settings,
  { checkpoint: file, jobs: workers, format }: Options,
  version: string,
): Promise<Answer> {
  const search = (progress: (going: Going) => void): Searched | Promise<Searched> =>
    file === undefined
      ? checkInParts(subject, settings, { workers, pool: partsInWorkers }, progress)
      : checkWithCheckpoint(subject, settings, { file, version }, progress);
  return checkOneBy(search, subject, settings, format);
}

/** Words that say nothing together. */
function refuse(name: string | undefined, options: Options): void {
  const { list, races, replay, mutate, format } = options;
  for (const [option, given] of Object.entries({ '--list': list, '--races': races })) {
    if (given && name !== undefined) {
      throw new UsageError(`${option}: expected no NAME, got '${name}'`);
    }
  }
  if (replay !== undefined && name === undefined) {
    throw new UsageError('--replay: expected the NAME or FILE that the schedule is of, got none');
  }
  for (const [option, given] of Object.entries({
    '--list': list,
    '--races': races,
    '--replay': replay,
  })) {
    if (given && mutate !== undefined) {
      throw new UsageError(`--mutate: expected no ${option}, got both`);
    }
  }
  refuseCheckpoint(name, options);
  if (list && format === 'svg') {
    throw new UsageError('--list: expected one of text, markdown, json, got svg');
  }
}

function refuseCheckpoint(
  name: string | undefined,
  { checkpoint, search, replay, mutate }: Options,
): void {
  if (checkpoint === undefined) return;
  const expected = (what: string, got: string): never => {
    throw new UsageError(`--checkpoint: expected ${what}, got ${got}`);
  };
  if (mutate !== undefined) expected('no --mutate', 'both');
  if (replay !== undefined) expected('no --replay', 'both');
  if (name === undefined) expected('the NAME or FILE that is checked', 'none');
  if (search !== 'dpor') expected('--search dpor', search ?? 'no --search');
}

function settingsOf(options: Options): Omit<Settings, 'model'> {
  const { search, budget, merge, symmetry, spuriousWakeups = false, seed } = options;
  return { ...(search && { search }), budget, merge, symmetry, spuriousWakeups, seed };
}

function list(format: Format): string {
  if (format === 'json') return listJson();
  return format === 'markdown' ? listMarkdown() : listText();
}
