// What became of the mutants, for people and for programs.
import { count, formatTable } from '../table.ts';
import { wrap } from '../wrap.ts';
import { EXPLAINED, explanationOf, type Why } from './explained.ts';
import { type Fate, KINDS, kindOf, nameOf } from './mutant.ts';
import { type Outcome, type Tried, unsound } from './mutate.ts';
import { labelOf } from './trial.ts';

const WORDS: Readonly<Record<Fate['fate'], string>> = {
  killed: 'killed',
  survived: 'LIVES',
  undecided: 'UNDECIDED',
  failed: 'FAILED',
};
const WIDTH = 11;

/** `killed     skip or32 markPageDirty (dirty-bitmap.ts:19): by sketch-mark-last: finally: ...` */
export function triedLine({ mutant, fate }: Tried): string {
  return wrap(`${nameOf(mutant)}: ${said(mutant.id, fate)}`, WORDS[fate.fate].padEnd(WIDTH), HANG);
}
const HANG = ' '.repeat(WIDTH + 2);

function said(id: string, { kill, alike, why }: Fate): string {
  if (kill !== undefined) return `${labelOf(kill)}: ${kill.fault}: ${kill.property}`;
  const explained = explanationOf(id);
  const told = why ?? (alike.length === 0 ? 'never true' : `${alike.length} litmuses hold`);
  return explained === undefined ? told : `${told}; ${explained.why}: ${explained.because}`;
}

export const isUnexplained = ({ mutant, fate }: Tried): boolean =>
  fate.fate !== 'killed' && explanationOf(mutant.id) === undefined;

/** Explained though it was killed. */
const inVain = ({ mutant, fate }: Tried): boolean =>
  fate.fate === 'killed' && explanationOf(mutant.id) !== undefined;

/** Explained, and not among the mutants: its code has changed, or no litmus comes by it. Of a complete run. */
const unmet = (tried: readonly Tried[]): string[] =>
  EXPLAINED.flatMap(({ mutants }) => mutants).filter(
    (id) => !tried.some(({ mutant }) => mutant.id === id),
  );

/** Whether everything is killed or explained, and every explanation needed. */
export const isSound = ({ tried, surveys }: Outcome, isComplete: boolean): boolean =>
  !tried.some(isUnexplained) &&
  unsound(surveys).length === 0 &&
  (!isComplete || (!tried.some(inVain) && unmet(tried).length === 0));

export function summary(outcome: Outcome, isComplete: boolean, workers: number): string {
  const { tried, surveys, ms } = outcome;
  const named = (what: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [wrap(`${what}: ${names.join(', ')}.`)];
  const names = (which: (one: Tried) => boolean): string[] =>
    tried.filter(which).map(({ mutant }) => nameOf(mutant));
  return [
    kindTable(tried),
    '',
    wrap(faultSentence(tried)),
    wrap(
      `${count(tried.length)} mutants on ${count(surveys.length)} litmuses: ${(ms / 1000).toFixed(0)} s, ${workers} workers.`,
    ),
    ...named('NOT explained', names(isUnexplained)),
    ...named('Does not hold as it ships', unsound(surveys)),
    ...(isComplete ? named('Explained in vain, killed', names(inVain)) : []),
    ...(isComplete ? named('Explained in vain, no such mutant', unmet(tried)) : []),
  ].join('\n');
}

const COLUMNS = ['mutants', 'killed', 'redundant', 'no scenario', 'no property', 'unexplained'];

function figures(tried: readonly Tried[]): number[] {
  const explained = (why: Why): number =>
    tried.filter(({ mutant, fate }) => fate.fate !== 'killed' && whyOf(mutant.id) === why).length;
  return [
    tried.length,
    tried.filter(({ fate }) => fate.fate === 'killed').length,
    explained('redundant'),
    explained('no scenario'),
    explained('no property'),
    tried.filter(isUnexplained).length,
  ];
}

const whyOf = (id: string): Why | undefined => explanationOf(id)?.why;

const kindRows = (tried: readonly Tried[]): { name: string; cells: string[] }[] =>
  [...Object.keys(KINDS), 'all'].flatMap((name) => {
    const own = name === 'all' ? tried : tried.filter(({ mutant }) => kindOf(mutant) === name);
    return own.length === 0 ? [] : [{ name, cells: figures(own).map(count) }];
  });

const kindTable = (tried: readonly Tried[]): string => formatTable(COLUMNS, kindRows(tried));

/** `Killed by: finally 71, always 40, ...` */
function faultSentence(tried: readonly Tried[]): string {
  const counts = new Map<string, number>();
  for (const { fate } of tried) {
    const fault = fate.kill?.fault;
    if (fault !== undefined) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  }
  const told = [...counts].sort((a, b) => b[1] - a[1]).map(([fault, n]) => `${fault} ${n}`);
  return told.length === 0 ? 'None is killed.' : `Killed by ${told.join(', ')}.`;
}

export const json = ({ tried, surveys, ms }: Outcome): string =>
  `${JSON.stringify({
    schema: 'faultline/mutate',
    version: 1,
    ms,
    unsound: unsound(surveys),
    mutants: tried.map(({ mutant, fate }) => ({
      name: mutant.id,
      place: mutant.place,
      kind: kindOf(mutant),
      ...fate,
      explained: explanationOf(mutant.id),
    })),
  })}\n`;

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
const code = (text: string): string => `\`${text}\``;

/** The part of docs/mutations.md that follows from explained.ts alone. */
export const explanationsMarkdown = (): string =>
  EXPLAINED.map(({ why, because, mutants }) =>
    [`**${why}**: ${because}`, '', ...mutants.map((id) => `- ${code(id)}`)].join('\n'),
  ).join('\n\n');

/** All of docs/mutations.md. */
export const markdown = ({ tried, surveys }: Outcome): string =>
  `${[
    '# Mutations',
    '',
    'What if one operation of the MMU, or of the protocols below it, did less than it does? `npm run check:mutate` makes each such',
    'mutant and tries it on every litmus that comes by it, until one does not hold any more. Operations are changed as the',
    'checker learns them, conditions as their file is loaded: the shipped code has no hooks. `npm run check:mutate -- --write`',
    'writes this page.',
    '',
    '| kind | what is done |',
    '| --- | --- |',
    ...Object.entries(KINDS).map(([kind, done]) => row([kind, done])),
    '',
    `${count(surveys.length)} checks of litmuses that hold; what listeners are told, and what judges a caller's input, is left out.`,
    '',
    row(['', ...COLUMNS]),
    row(['---', ...COLUMNS.map(() => '--:')]),
    ...kindRows(tried).map(({ name, cells }) => row([name, ...cells])),
    '',
    faultSentence(tried),
    '',
    '## Those that live',
    '',
    'redundant: the code does nothing wrong without it. no scenario: it matters where no litmus goes. no property: it changes',
    'what happens, and no litmus says that this is wrong.',
    '',
    explanationsMarkdown(),
    '',
    '## Those that are killed',
    '',
    '| mutant | killed by | because |',
    '| --- | --- | --- |',
    ...tried.flatMap(({ mutant, fate: { kill } }) =>
      kill === undefined
        ? []
        : [row([code(mutant.id), labelOf(kill), `${kill.fault}: ${kill.property}`])],
    ),
  ].join('\n')}\n`;
