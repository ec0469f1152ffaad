// `faultline check`: everything that is claimed to hold, in worker threads. With `--races`: every known race, which must be
// found in its broken variant.
import type { MemoryModel } from '@faultline/checker';
import { LITMUS, type Litmus } from '@faultline/litmus';
import type { Checked, CheckJob, Listener } from '../check-pool.ts';
import { EXIT_BUDGET, EXIT_FINDING, EXIT_OK, UsageError } from '../exit.ts';
import { Progress } from '../progress.ts';
import { count } from '../table.ts';
import type { Answer } from './answer.ts';
import { bears } from './expectation.ts';
import { type Line, type Suite, sayVerdict, type Told, totals } from './suite.ts';
import { SUITE_REPORTS } from './suite-report.ts';

/** Carries out jobs: `checkInWorkers`. */
export type Pool = (
  jobs: readonly CheckJob[],
  workers: number,
  listener: Listener,
) => Promise<void>;

/** `write` gets the text as it comes: a line for each check, in the order of the list. */
export async function checkAll(
  suite: Suite,
  pool: Pool,
  write: (text: string) => void,
): Promise<Answer> {
  const { settings, workers, format } = suite;
  if (format === 'svg') {
    throw new UsageError('--format svg: expected a NAME or FILE to draw, got none');
  }
  const told = whatIsTold(suite);
  const jobs = told.map(({ litmus, model }): CheckJob => ({ name: litmus.name, model, settings }));
  const printer = new Printer(told, format === 'text' ? write : () => {});
  const started = Date.now();
  try {
    await pool(jobs, workers, printer);
  } finally {
    printer.clear();
  }
  const { lines } = printer;
  const out = SUITE_REPORTS[format]({ suite, lines, ms: Date.now() - started });
  return { out, code: codeOf(lines) };
}

const whatIsTold = ({ which, model }: Suite): readonly Told[] =>
  LITMUS.filter(({ result }) => result === which).flatMap((litmus) =>
    (litmus.models ?? ['sc'])
      .filter((one) => model === undefined || one === model)
      .map((one) => ({ litmus, model: one, label: labelOf(litmus, one) })),
  );

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
  #done = 0;
  #printed = 0;

  constructor(told: readonly Told[], write: (text: string) => void) {
    this.#told = told;
    this.#write = write;
    this.#width = Math.max(...told.map(({ label }) => label.length), 0);
    this.#lines = told.map(() => undefined);
    this.#say(['litmus', 'states', 'ms', '']);
  }

  get lines(): readonly Line[] {
    return this.#lines.filter((line) => line !== undefined);
  }

  done(index: number, checked: Checked): void {
    const told = this.#told[index] as Told;
    const borne = 'error' in checked ? 'failed' : bears(told.litmus, checked.verdict);
    this.#lines[index] = { ...told, checked, borne };
    this.#done++;
    this.clear();
    for (let line = this.#lines[this.#printed]; line; line = this.#lines[this.#printed]) {
      this.#printed++;
      const { states, ms } = totals(line);
      this.#say([line.label, count(states), count(ms), sayVerdict(line)]);
    }
  }

  going(index: number, states: number): void {
    const name = this.#told[index]?.label;
    const done = `${this.#done} of ${this.#told.length}`;
    this.#progress.show(`check: ${done}; ${name}: ${count(states)} states`);
  }

  clear(): void {
    this.#progress.clear();
  }

  #say([name, states, ms, verdict]: readonly [string, string, string, string]): void {
    const figures = `${states.padStart(11)}${ms.padStart(9)}`;
    this.#write(`${`${name.padEnd(this.#width)}${figures}  ${verdict}`.trimEnd()}\n`);
  }
}
