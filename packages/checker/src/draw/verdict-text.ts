// A verdict in a few lines: what precedes a drawing, or says that all is well. In: a verdict; out: lines of 80 columns.
import type { Assumption, Search, Verdict } from '../verdict.ts';
import { wrap } from './layout.ts';
import { shortFile } from './source-lines.ts';

const WIDTH = 80;
const CERTIFICATE_DIGITS = 16;

/** Ends without a line break. */
export function formatVerdict(verdict: Verdict): string {
  const { model, search, bytesPerState, assumptions, outcomes, certificate } = verdict;
  const inParts = verdict.parts === undefined ? '' : ` in ${plural(verdict.parts, 'part')}`;
  const perState = bytesPerState === 0 ? '' : `, ${size(bytesPerState)} per state`;
  const facts: readonly (readonly [label: string, text: string])[] = [
    ['explored', `${countsOf(verdict)} in ${duration(verdict.ms)}`],
    [
      'search',
      `${search} under ${model}${inParts}${perState}, threads run ${number(verdict.runs)} times`,
    ],
    ...assumptions.map((assumption) => ['assumes', assumed(assumption)] as const),
    ...(outcomes.length === 0 ? [] : [['outcomes', outcomes.join(' ')] as const]),
    ...(verdict.verdict !== 'holds'
      ? []
      : [['certificate', certificate.slice(0, CERTIFICATE_DIGITS)] as const]),
  ];
  const labels = Math.max(...facts.map(([label]) => label.length));
  return [
    ...wrap(`${verdict.program}: ${judgement(verdict)}`, WIDTH, '  '),
    ...facts.flatMap(([label, text]) =>
      wrap(text, WIDTH - labels - 4).map(
        (line, y) => `  ${(y === 0 ? label : '').padEnd(labels)}  ${line}`,
      ),
    ),
  ].join('\n');
}

function judgement({ verdict, violation, budget, completeTo }: Verdict): string {
  const bound =
    completeTo === undefined ? '' : `no violation with at most ${plural(completeTo, 'preemption')}`;
  if (verdict === 'violated') return `violated (${violation?.fault}: ${violation?.property})`;
  if (verdict === 'holds') return bound === '' ? 'holds' : `bounded: ${bound}`;
  const why = budget === undefined ? '' : ` (the budget ended: ${budget})`;
  return `bounded: ${bound === '' ? 'nothing found so far' : bound}${why}`;
}

const countsOf = ({ search, states, transitions, executions, blocked, depth }: Verdict): string =>
  [
    ...(isStored(search) ? [plural(states, 'state')] : []),
    plural(transitions, 'transition'),
    plural(executions, 'execution') + (blocked === 0 ? '' : ` (and ${number(blocked)} cut)`),
    `depth ${number(depth)}`,
  ].join(', ');

/** The others keep no states. */
const isStored = (search: Search): boolean => search === 'states' || search === 'preemptions';

const assumed = ({ thread, site, histories }: Assumption): string =>
  `again in ${thread} at ${place(site)}: ${plural(histories, 'history', 'histories')} taken for one another`;

/** A stack's place, short: the first `file:line` in it, or all of it. */
function place(site: string): string {
  const [, file, line] = /([^\s()]+?):(\d+)(?::\d+)?\)?\s*$/m.exec(site) ?? [];
  return file === undefined ? site : `${shortFile(file)}:${line}`;
}

const number = (value: number): string => value.toLocaleString('en-US');

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

const duration = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;

const size = (bytes: number): string => plural(Math.round(bytes), 'byte');
