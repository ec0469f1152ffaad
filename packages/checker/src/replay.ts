// A schedule carried out again, one operation at a time.
import { Cycle, livelockOf } from './cycle.ts';
import type { Execution } from './execution.ts';
import type { Judge } from './judge.ts';
import type { Machine } from './machine.ts';
import type { Program } from './program.ts';
import { Recorder } from './recorder.ts';
import { ScheduleError } from './schedule.ts';
import type { StepFault } from './verbs.ts';

export interface Replayed {
  readonly execution: Execution;
  readonly fault: StepFault | undefined;
  /** So many of the last steps lead back to the state before them. */
  readonly repeats?: number;
}

/**
 * Carries `schedule` out, on a machine that does not fold: one operation at each place. Stops at the first fault. Throws a
 * ScheduleError where the schedule does not fit.
 */
export function replay(
  program: Program,
  machine: Machine,
  judge: Judge,
  schedule: readonly number[],
): Replayed {
  const recorder = new Recorder(program, machine);
  machine.observer = recorder;
  try {
    machine.reset();
    let fault = judge.first();
    const able: number[] = [];
    const runnable: number[] = [];
    const cycle = new Cycle(machine);
    for (const agent of schedule) {
      if (fault !== undefined) break;
      if (!machine.isEnabled(agent)) throw misfit(machine, agent, able.length);
      able.push(ableAgents(machine));
      runnable.push(runnableThreads(machine));
      machine.step(agent);
      cycle.note();
      fault = judge.afterStep();
    }
    if (fault === undefined && machine.isQuiet()) fault = judge.atEnd();
    const execution = recorder.execution(schedule.slice(0, able.length), runnable);
    const { length: repeats } = cycle;
    if (fault !== undefined || repeats === 0) return { execution, fault };
    return { execution, fault: livelockOf(machine, schedule.slice(-repeats), able), repeats };
  } finally {
    machine.observer = undefined;
  }
}

/**
 * The schedule of single operations that a search's own schedule stands for. What was folded at the beginning, or when a thread
 * was woken, comes where that thread goes on.
 */
export function unfold(machine: Machine, schedule: readonly number[]): number[] {
  const unfolded: number[] = [];
  const later = new Map<number, number>();
  let now = -1;
  machine.observer = {
    before(agent) {
      if (agent === now) unfolded.push(agent);
      else later.set(agent, (later.get(agent) ?? 0) + 1);
    },
    answered() {},
    after() {},
  };
  const catchUp = (agent: number): void => {
    for (let left = later.get(agent) ?? 0; left > 0; left--) unfolded.push(agent);
    later.delete(agent);
  };
  try {
    machine.reset();
    for (const agent of schedule) {
      catchUp(agent);
      now = agent;
      machine.step(agent);
    }
  } finally {
    machine.observer = undefined;
  }
  for (let agent = 0; agent < machine.threads; agent++) catchUp(agent);
  return unfolded;
}

/** As bits. */
function ableAgents(machine: Machine): number {
  let bits = 0;
  for (let agent = 0; agent < machine.agents; agent++) {
    if (machine.isEnabled(agent)) bits |= 1 << agent;
  }
  return bits;
}

/** As bits. */
function runnableThreads(machine: Machine): number {
  let bits = 0;
  for (let thread = 0; thread < machine.threads; thread++) {
    if (machine.isRunnable(thread)) bits |= 1 << thread;
  }
  return bits;
}

function misfit(machine: Machine, agent: number, step: number): ScheduleError {
  const { names, threads } = machine;
  const able = names.filter((_, thread) => machine.isEnabled(thread)).join(', ') || 'nobody';
  const who = agent < threads ? names[agent] : `the store buffer of ${names[agent - threads]}`;
  return new ScheduleError(
    `schedule, step ${step + 1}: expected one of those that can go on (${able}), got ${who}; ` +
      'usual cause: a schedule of another program, or of another version of it',
  );
}
