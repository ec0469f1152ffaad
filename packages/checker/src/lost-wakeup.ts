// Which deadlocks are lost wakeups: told from the execution, since the state no longer shows it.
import type { Execution } from './execution.ts';
import type { StepFault } from './verbs.ts';

/** A thread that sleeps for ever on a word that was notified before it slept, when nobody was there, has lost that wakeup. */
export function lostWakeup(
  fault: StepFault,
  { steps, standing, threads }: Execution,
): StepFault | undefined {
  if (fault.fault !== 'deadlock') return undefined;
  const thread = standing.findIndex(({ state, operation }) => {
    if (state !== 'blocked' || operation === undefined || !operation.verb.startsWith('wait'))
      return false;
    return steps.some(
      (step) =>
        step.operation.verb === 'notify' &&
        step.operation.address === operation.address &&
        step.wakes.length === 0 &&
        standing[step.thread]?.state === 'ended', // else it waits itself, and may notify again
    );
  });
  if (thread < 0) return undefined;
  const property = `${threads[thread]} sleeps on: its wakeup came before it slept`;
  return { fault: 'lost wakeup', property };
}
