// What many checks come to: what needs to be shown of them, and a summary.
import { drawText } from '@faultline/checker';
import { LITMUS } from '@faultline/litmus';
import { count } from '../table.ts';
import { wrap } from '../wrap.ts';
import { paragraphs } from './answer.ts';
import { replayWords } from './replay-words.ts';
import type { Format } from './settings.ts';
import { type Line, type Suite, sayVerdict, totals } from './suite.ts';

export interface SuiteRun {
  readonly suite: Suite;
  readonly lines: readonly Line[];
  readonly ms: number;
}

/** After the lines of text, or the whole of another format. */
export const SUITE_REPORTS: Readonly<Record<Exclude<Format, 'svg'>, (run: SuiteRun) => string>> = {
  text(run) {
    const more = run.lines.flatMap((line) => details(line, run.suite));
    return `\n${paragraphs([...more, summary(run)])}`;
  },
  markdown: (run) => paragraphs([markdownTable(run), summary(run)]),
  json: (run) => `${JSON.stringify(jsonOf(run))}\n`,
};

/** What a reader needs of a check that did not turn out as claimed. */
function details({ litmus, label, checked, borne }: Line, { settings }: Suite): string[] {
  if ('error' in checked) return [`${label}: ${checked.error}`];
  const { violation, model } = checked.verdict;
  if (borne !== 'otherwise' || violation === undefined) return [];
  const schedule = violation.execution?.schedule;
  return [
    drawText(violation, {
      title: `${label}: ${litmus.title}`,
      model,
      replay: schedule && replayWords(litmus.name, { ...settings, model }, schedule),
    }),
  ];
}

const SAYS: Readonly<Record<Suite['which'], Readonly<Record<'bad' | 'open', string>>>> = {
  Never: { bad: 'NOT as claimed', open: 'Nothing found, but the budget ended first' },
  Sometimes: { bad: 'NOT found as known', open: 'Not found before the budget ended' },
};

function summary({ suite: { which, workers }, lines, ms }: SuiteRun): string {
  const having = (...those: readonly Line['borne'][]): readonly Line[] =>
    lines.filter(({ borne }) => those.includes(borne));
  const named = (those: readonly Line[], what: string): string[] =>
    those.length === 0 ? [] : [wrap(`${what}: ${those.map(withBound).join(', ')}.`)];
  const states = lines.reduce((sum, line) => sum + totals(line).states, 0);
  const good = having('as claimed').length;
  const what = which === 'Never' ? 'hold' : 'known races found';
  return [
    `${good} of ${lines.length} ${what}: ${count(states)} states in ${(ms / 1000).toFixed(1)} s, ` +
      `${workers} ${workers === 1 ? 'worker' : 'workers'}.`,
    ...named(having('otherwise', 'failed'), SAYS[which].bad),
    ...named(having('open'), SAYS[which].open),
    wrap(NEXT[which]()),
  ].join('\n');
}

/** What to do next. */
const NEXT: Readonly<Record<Suite['which'], () => string>> = {
  Never() {
    const races = LITMUS.filter(({ result }) => result === 'Sometimes').length;
    return `faultline check --races finds the ${races} known races, each in its broken variant.`;
  },
  Sometimes: () => 'faultline explain NAME tells what happened, and what mended it.',
};

/** `ksm-merge (none with 2 preemptions)`: how far a budget got. */
function withBound({ label, checked }: Line): string {
  const completeTo = 'error' in checked ? undefined : checked.verdict.completeTo;
  if (completeTo === undefined) return label;
  return `${label} (none with ${completeTo} ${completeTo === 1 ? 'preemption' : 'preemptions'})`;
}

function markdownTable({ lines }: SuiteRun): string {
  return [
    '| litmus | states | ms | verdict |',
    '| --- | --: | --: | --- |',
    ...lines.map((line) => {
      const { states, ms } = totals(line);
      return `| ${line.label} | ${count(states)} | ${count(ms)} | ${sayVerdict(line)} |`;
    }),
  ].join('\n');
}

const jsonOf = ({ suite, lines, ms }: SuiteRun): object => ({
  schema: 'faultline/check-all',
  version: 1,
  claim: suite.which,
  ms,
  checks: lines.map(({ litmus, model, checked, borne }) => ({
    litmus: litmus.name,
    model,
    borne,
    ...('error' in checked ? checked : { ...checked.verdict, ends: checked.verdict.ends.length }),
  })),
});
