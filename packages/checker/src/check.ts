// The one way in: a program and what is wanted of it, a verdict out.
import { Exploration } from './exploration.ts';
import type { Mutant } from './mutation.ts';
import type { CheckOptions } from './options.ts';
import type { Program } from './program.ts';
import type { Replayed } from './replay.ts';
import { withStacks } from './site.ts';
import type { Verdict } from './verdict.ts';

/** Explores `program`. Throws a RangeError for options that cannot be had together, a ReplayError for hidden state. */
export function check(program: Program, options: CheckOptions = {}): Verdict {
  return withStacks(() => new Exploration(program, options).verdict());
}

/** Every mutant of what the threads of `program` do in any execution. */
export function mutants(program: Program, options: CheckOptions = {}): Mutant[] {
  return withStacks(() => {
    const exploration = new Exploration(program, options);
    exploration.verdict();
    return exploration.mutants();
  });
}

/** Carries out one schedule of `program`, as printed with a drawing. Throws a ScheduleError where it does not fit. */
export function replaySchedule(
  program: Program,
  schedule: string,
  options: CheckOptions = {},
): Replayed {
  return withStacks(() => new Exploration(program, options).replay(schedule));
}
