// `faultline check NAME --search dpor --checkpoint FILE`: a search in as many sittings as it takes.
import { readFileSync } from 'node:fs';
import {
  type CheckOptions,
  type Checkpoint,
  checkFrom,
  type Program,
  type Verdict,
} from '@faultline/checker';
import type { Going } from '../check-pool.ts';
import { InputError } from '../exit.ts';
import { count } from '../table.ts';
import {
  type Made,
  readCheckpoint,
  refuseUnwritable,
  removeCheckpoint,
  sha256,
  writeCheckpoint,
} from './checkpoint-file.ts';
import type { Settings } from './settings.ts';
import { budgetOf, optionsOf, type Staged, withBudgetAsGiven } from './stages.ts';
import type { Subject } from './subject.ts';

export interface CheckpointOptions {
  readonly file: string;
  /** Of Faultline. */
  readonly version: string;
  /** Then the file is written anew, lest a day's work be lost; 60,000 if absent. */
  readonly msBetweenSaves?: number;
}

const MS_BETWEEN_SAVES = 60_000;

/** Throws an InputError for a file that is of something else, damaged, or cannot be written. */
export function checkWithCheckpoint(
  subject: Subject,
  settings: Settings,
  { file, version, msBetweenSaves = MS_BETWEEN_SAVES }: CheckpointOptions,
  progress: (going: Going) => void,
): Staged & { readonly remark?: string } {
  const program = subject.program();
  const made = madeOf(subject, program, settings, version);
  refuseUnwritable(file);
  const budget = budgetOf(settings);
  const { ms = Number.POSITIVE_INFINITY } = budget;
  const end = Date.now() + ms;
  let left = budget.executions ?? Number.POSITIVE_INFINITY;
  for (let from = readCheckpoint(file, made); ; ) {
    const before = from?.done.verdict.executions ?? 0;
    const piece = { ...budget, ms: Math.max(1, Math.min(msBetweenSaves, end - Date.now())) };
    const { verdict, checkpoint } = goOn(file, program, from, {
      ...optionsOf(settings, ({ executions }) =>
        progress({ states: 0, executions: before + executions }),
      ),
      budget: Number.isFinite(left) ? { ...piece, executions: left } : piece,
    });
    if (checkpoint === undefined || !isOfTheSitting(verdict)) {
      if (checkpoint === undefined) removeCheckpoint(file);
      return { verdict: withBudgetAsGiven(verdict, budget), tried: [] };
    }
    writeCheckpoint(file, made, checkpoint);
    // Less than before: it had to begin anew.
    const executed = verdict.executions - before;
    left -= executed < 0 ? verdict.executions : executed;
    if (left <= 0 || Date.now() >= end) {
      const kind = left <= 0 ? 'executions' : 'ms';
      const why = `${count(budget[kind] ?? 0)} ${kind}`;
      const stopped = withBudgetAsGiven({ ...verdict, budget: why }, budget);
      const remark = `${file} has where it stopped: the same command goes on from there.`;
      return { verdict: stopped, tried: [], remark };
    }
    from = checkpoint;
  }
}

/** Else another sitting would end at the same place: in a loop that never ends, say. */
const isOfTheSitting = ({ budget = '' }: Verdict): boolean =>
  /^[\d,]+ (?:ms|executions)$/.test(budget);

function goOn(
  file: string,
  program: Program,
  from: Checkpoint | undefined,
  options: CheckOptions,
): ReturnType<typeof checkFrom> {
  try {
    return checkFrom(program, from, options);
  } catch (error) {
    if (from === undefined || !(error instanceof RangeError)) throw error;
    throw new InputError(`${file}: ${error.message}; delete it to begin anew`);
  }
}

/** A litmus is known by the text of its functions, a file by its own and that of what it imports. */
function madeOf(
  { files = [] }: Subject,
  program: Program,
  { merge }: Settings,
  faultline: string,
): Made {
  const { threads, always, sometimes, finally: atEnd } = program;
  const functions = [threads, always, sometimes, atEnd].map((of) =>
    JSON.stringify(of ?? {}, (_, value: unknown) =>
      typeof value === 'function' ? String(value) : value,
    ),
  );
  const digest = sha256(...functions, ...files.map((path) => readFileSync(path)));
  return { faultline, program: program.name, digest, merge };
}
