// A trace file on its way to a plan that can be played.
import { basename } from 'node:path';
import { type TracePlan, TracePlanner } from '@faultline/machine';
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
  const summary = await readTrace(file, (event) => planner.add(event));
  try {
    return { name: basename(file), summary, plan: planner.plan() };
  } catch (error) {
    throw new InputError(`${file}: ${(error as Error).message}`);
  }
}
