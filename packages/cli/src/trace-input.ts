// A trace file on its way to a plan that can be played.
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TracePlan, TracePlanner } from '@faultline/runner';
import { readTrace, type TraceSummary } from '@faultline/trace';
import { InputError } from './exit.ts';
import type { Progress } from './progress.ts';

export interface LoadedTrace {
  readonly name: string;
  readonly summary: TraceSummary;
  readonly plan: TracePlan;
}

/** Throws a TraceError, or an InputError for a sound trace with nothing to play. */
export async function loadTrace(file: string, progress: Progress): Promise<LoadedTrace> {
  progress.show(`reading ${basename(file)}`);
  const planner = new TracePlanner();
  const summary = await readTrace(file, (event) => {
    expectSound(`${file}:${event.line}`, () => planner.add(event));
  });
  return { name: basename(file), summary, plan: expectSound(file, () => planner.plan()) };
}

/** What the planner finds wrong is the input's fault, and says where. */
function expectSound<Result>(place: string, step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`${place}: ${error.message}`);
  }
}

export const BUNDLED = 'k6.12-tdp-ksm-race.txt.gz';

/** Beside dist/ in the package, and at the root of a checkout. */
export function bundledTrace(): string {
  const file = fileURLToPath(new URL(`../../../traces/${BUNDLED}`, import.meta.url));
  if (existsSync(file)) return file;
  throw new InputError(`expected the bundled trace at ${file}; name a TRACE`);
}
