// `faultline check`: everything that is claimed to hold, in worker threads. With `--races`: every known race, which must be
// found in its broken variant.
import { drawText, type MemoryModel, type Verdict } from '@faultline/checker';
import { LITMUS, type Litmus } from '@faultline/litmus';
import type { Checked, CheckJob, Listener } from '../check-pool.ts';
import { EXIT_BUDGET, EXIT_FINDING, EXIT_OK, UsageError } from '../exit.ts';
import { Progress } from '../progress.ts';
import { count } from '../table.ts';
import { wrap } from '../wrap.ts';
import { type Answer, paragraphs } from './answer.ts';
import { type Borne, bears } from './expectation.ts';
import { replayWords } from './replay-words.ts';
import type { Format, Settings } from './settings.ts';

export interface Suite {
  readonly which: Litmus['result'];
  /** Absent: every model in which something is claimed. */
  readonly model?: MemoryModel | undefined;
  readonly settings: Omit<Settings, 'model'>;
  readonly workers: number;
  readonly format: Format;
}

/** Carries out jobs: `checkInWorkers`. */
export type Pool = (
  jobs: readonly CheckJob[],
  workers: number,
  listener: Listener,
) => Promise<void>;

/** A litmus under one model, and what came of it. */
interface Line {
  readonly litmus: Litmus;
  readonly model: MemoryModel;
  readonly label: string;
  readonly checked: Checked;
  readonly borne: Borne | 'failed';
}

type Told = Omit<Line, 'checked' | 'borne'>;

interface Run {
  readonly suite: Suite;
  readonly lines: readonly Line[];
  readonly ms: number;
}

/** `write` gets the text as it comes: a line for each check, in the order of the list. */
export async function checkAll(
  suite: Suite,
  pool: Pool,
  write: (text: string) => void,
): Promise<Answer> {
  const { which, model, settings, workers, format } = suite;
  if (format === 'svg') {
    throw new UsageError('--format svg: expected a NAME or FILE to draw, got none');
  }
  const told = LITMUS.filter(({ result }) => result === which).flatMap((litmus) =>
    (litmus.models ?? ['sc'])
      .filter((one) => model === undefined || one === model)
      .map((one) => ({ litmus, model: one, label: labelOf(litmus, one) })),
  );
  const jobs = told.map(({ litmus, model }): CheckJob => ({ name: litmus.name, model, settings }));
  const printer = new Printer(told, format === 'text' ? write : () => {});
  const started = Date.now();
  try {
    await pool(jobs, workers, printer);
  } finally {
    printer.clear();
  }
  const run = { suite, lines: printer.lines, ms: Date.now() - started };
  return { out: ENDINGS[format](run), code: codeOf(run.lines) };
}

const labelOf = ({ name, models = ['sc'] }: Litmus, model: MemoryModel): string =>
  models.length === 1 && model === 'sc' ? name : `${name} (${model})`;

function codeOf(lines: readonly Line[]): number {
  if (lines.some(({ borne }) => borne === 'otherwise' || borne === 'failed')) return EXIT_FINDING;
  return lines.some(({ borne }) => borne === 'open') ? EXIT_BUDGET : EXIT_OK;
}

/** Holds a line back until those before it are there. */
class Printer implements Listener {
  readonly #told: readonly Told[];
  readonly #write: (text: string) => void;
  readonly #width: number;
  readonly #progress = new Progress();
  readonly #lines: (Line | undefined)[];
  #printed = 0;

  constructor(told: readonly Told[], write: (text: string) => void) {
    this.#told = told;
    this.#write = write;
    this.#width = Math.max(...told.map(({ label }) => label.length), 0);
    this.#lines = told.map(() => undefined);
    this.#say({ name: 'litmus', states: 'states', ms: 'ms', verdict: '' });
  }

  get lines(): readonly Line[] {
    return this.#lines.filter((line) => line !== undefined);
  }

  done(index: number, checked: Checked): void {
    const told = this.#told[index] as Told;
    const borne = 'error' in checked ? 'failed' : bears(told.litmus, checked.verdict);
    this.#lines[index] = { ...told, checked, borne };
    this.clear();
    for (let line = this.#lines[this.#printed]; line; line = this.#lines[this.#printed]) {
      this.#printed++;
      const { states, ms } = totals(line);
      const verdict = sayVerdict(line);
      this.#say({ name: line.label, states: count(states), ms: count(ms), verdict });
    }
  }

  going(index: number, states: number): void {
    const done = this.#lines.filter((line) => line !== undefined).length;
    const name = this.#told[index]?.label;
    this.#progress.show(`check: ${done} of ${this.#told.length}; ${name}: ${count(states)} states`);
  }

  clear(): void {
    this.#progress.clear();
  }

  #say({ name, states, ms, verdict }: Record<'name' | 'states' | 'ms' | 'verdict', string>): void {
    const figures = `${states.padStart(11)}${ms.padStart(9)}`;
    this.#write(`${`${name.padEnd(this.#width)}${figures}  ${verdict}`.trimEnd()}\n`);
  }
}

/** Of all searches that were needed. */
function totals({ checked }: Line): { states: number; ms: number } {
  if ('error' in checked) return { states: 0, ms: 0 };
  const all = [checked.verdict, ...checked.tried];
  const sum = (of: (verdict: Verdict) => number): number => all.reduce((s, v) => s + of(v), 0);
  return { states: sum(({ states }) => states), ms: sum(({ ms }) => ms) };
}

function sayVerdict({ litmus, checked, borne }: Line): string {
  if ('error' in checked) return 'FAILED';
  const { verdict } = checked;
  const fault = verdict.violation?.fault;
  if (verdict.verdict === 'budget') return 'budget ended';
  if (litmus.result === 'Never') return fault === undefined ? 'holds' : `VIOLATED: ${fault}`;
  if (fault === undefined) return 'NOT FOUND';
  return borne === 'as claimed' ? 'found' : `ANOTHER: ${fault}`;
}

const ENDINGS: Readonly<Record<Exclude<Format, 'svg'>, (run: Run) => string>> = {
  text(run) {
    const more = run.lines.flatMap((line) => details(line, run.suite.settings));
    return `\n${paragraphs([...more, summary(run).join('\n')])}`;
  },
  markdown: (run) =>
    paragraphs([
      [
        '| litmus | states | ms | verdict |',
        '| --- | --: | --: | --- |',
        ...run.lines.map((line) => {
          const { states, ms } = totals(line);
          return `| ${line.label} | ${count(states)} | ${count(ms)} | ${sayVerdict(line)} |`;
        }),
      ].join('\n'),
      summary(run).join('\n'),
    ]),
  json: (run) => `${JSON.stringify(jsonOf(run))}\n`,
};

/** What a reader needs of a check that did not turn out as claimed. */
function details({ litmus, label, checked, borne }: Line, settings: Suite['settings']): string[] {
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

function summary({ suite, lines, ms }: Run): readonly string[] {
  const having = (...those: readonly Line['borne'][]): readonly string[] =>
    lines.filter(({ borne }) => those.includes(borne)).map(({ label }) => label);
  const states = lines.reduce((sum, line) => sum + totals(line).states, 0);
  const effort = `${count(states)} states in ${(ms / 1000).toFixed(1)} s, ${plural(suite.workers, 'worker')}.`;
  const good = having('as claimed').length;
  const bad = having('otherwise', 'failed');
  const open = having('open');
  const races = LITMUS.filter(({ result }) => result === 'Sometimes').length;
  const named = (names: readonly string[], what: string): string[] =>
    names.length === 0 ? [] : [wrap(`${what}: ${names.join(', ')}.`)];
  return suite.which === 'Never'
    ? [
        `${good} of ${lines.length} hold: ${effort}`,
        ...named(bad, 'NOT as claimed'),
        ...named(open, 'Nothing found, but the budget ended first'),
        wrap(`faultline check --races finds the ${races} known races, each in its broken variant.`),
      ]
    : [
        `${good} of ${plural(lines.length, 'known race')} found: ${effort}`,
        ...named(bad, 'NOT found as known'),
        ...named(open, 'Not found before the budget ended'),
        'faultline explain NAME tells what happened, and what mended it.',
      ];
}

const plural = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? '' : 's'}`;

function jsonOf({ suite, lines, ms }: Run): object {
  return {
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
  };
}
