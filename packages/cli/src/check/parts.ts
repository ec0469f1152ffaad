// A search by dpor that takes longer than a moment, in as many workers as there are: cut into parts, each of which is all
// executions that begin alike.
import {
  joinParts,
  looksFurther,
  type Part,
  type PartVerdict,
  type Program,
  partsOf,
  type Verdict,
} from '@faultline/checker';
import type { Going, PartChecked, PartJob, PartListener, Wanted } from '../check-pool.ts';
import type { Settings } from './settings.ts';
import { budgetOf, checkInStages, optionsOf, type Staged, withBudgetAsGiven } from './stages.ts';
import type { Subject } from './subject.ts';

/** Carries out parts: `partsInWorkers`. */
export type PartPool = (
  jobs: readonly PartJob[],
  workers: number,
  listener: PartListener,
) => Promise<void>;

export interface PartsOptions {
  readonly workers: number;
  readonly pool: PartPool;
  /** What is over sooner needs no workers; 1000 if absent. */
  readonly momentMs?: number;
}

const MOMENT_MS = 1000;
/** Some are a hundred times the others: so many that the largest does not decide. */
const LEAST_PARTS = 100;
const PARTS_PER_WORKER = 8;
const MOST_DEPTH = 64;

export async function checkInParts(
  subject: Subject,
  settings: Settings,
  options: PartsOptions,
  progress: (going: Going) => void,
): Promise<Staged> {
  const { workers, momentMs = MOMENT_MS } = options;
  const program = subject.program();
  const { ms: most = Number.POSITIVE_INFINITY } = settings.budget;
  if (workers === 1 || most <= momentMs) return checkInStages(program, settings, progress);
  const started = Date.now();
  const moment = withMs(settings, momentMs);
  const first = checkInStages(program, moment, progress);
  if (!ranOutOfTime(first.verdict)) return first;
  const search = new PartedSearch(subject, settings, options, progress);
  const { verdict, parts } = await search.run(program, started + most);
  const told = withBudgetAsGiven(verdict, settings.budget);
  return { verdict: { ...told, parts, ms: Date.now() - started }, tried: [] };
}

function withMs(settings: Settings, ms: number): Settings {
  const { words, ...budget } = settings.budget;
  const { ms: _own, ...others } = words ?? {};
  return { ...settings, budget: { ...budget, ms, words: others } };
}

const ranOutOfTime = ({ budget }: Verdict): boolean => /^[\d,]+ ms$/.test(budget ?? '');

class PartedSearch {
  readonly #subject: Subject;
  readonly #settings: Settings;
  readonly #options: PartsOptions;
  readonly #progress: (going: Going) => void;

  constructor(
    subject: Subject,
    settings: Settings,
    options: PartsOptions,
    progress: (going: Going) => void,
  ) {
    this.#subject = subject;
    this.#settings = settings;
    this.#options = options;
    this.#progress = progress;
  }

  async run(program: Program, end: number): Promise<{ verdict: Verdict; parts: number }> {
    const { workers } = this.#options;
    let known: readonly string[] = [];
    for (;;) {
      const parts = this.#cut(program, Math.max(LEAST_PARTS, PARTS_PER_WORKER * workers), known);
      const round = new Round(parts, this.#progress);
      await this.#options.pool(this.#jobs(parts, end), workers, round);
      if (round.failed !== undefined) throw new Error(round.failed);
      if (round.further === undefined) {
        return { verdict: joinParts(program, round.found), parts: parts.length };
      }
      known = round.further;
    }
  }

  /** As deep as it takes to have so many; one part if there are never so many. */
  #cut(program: Program, least: number, known: readonly string[]): readonly Part[] {
    const options = { ...optionsOf(this.#settings), budget: budgetOf(this.#settings) };
    for (let depth = 1; ; depth++) {
      const parts = partsOf(program, depth, options, known);
      if (parts.length >= least || depth === MOST_DEPTH) return parts;
    }
  }

  #jobs(parts: readonly Part[], end: number): readonly PartJob[] {
    const executed = new BigInt64Array(new SharedArrayBuffer(8));
    const { word } = this.#subject;
    const job = { word, settings: this.#settings, executed, ...(Number.isFinite(end) && { end }) };
    return parts.map((part) => ({ ...job, part }));
  }
}

/** Hears of the parts of one cut. */
class Round implements PartListener {
  readonly found: PartVerdict[] = [];
  /** What properties look at, as a part found out: all has to be cut again. */
  further: readonly string[] | undefined;
  failed: string | undefined;
  readonly #parts: readonly Part[];
  readonly #progress: (going: Going) => void;
  readonly #executions: number[] = [];

  constructor(parts: readonly Part[], progress: (going: Going) => void) {
    this.#parts = parts;
    this.#progress = progress;
  }

  done(index: number, checked: PartChecked): Wanted {
    if ('error' in checked) {
      this.failed = checked.error;
      return 'enough';
    }
    this.found.push(checked);
    this.going(index, checked.verdict.executions);
    if (checked.verdict.verdict === 'violated') return 'enough';
    if (looksFurther(this.#parts[index] as Part, checked)) {
      this.further = checked.watched;
      return 'enough';
    }
    return checked.verdict.verdict === 'budget' ? 'last' : 'more';
  }

  going(index: number, executions: number): void {
    this.#executions[index] = executions;
    this.#progress({ states: 0, executions: this.#executions.reduce((sum, of) => sum + of, 0) });
  }
}
