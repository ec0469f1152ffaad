// One step in words. In: a step and what surrounds it; out: a phrase for a line of its own, and a short one for a line
// that it shares with others.
import type { ExecutedStep, Execution, Standing } from '../execution.ts';
import { describeOperation, kindOf, wordOf } from './verbs.ts';

export interface Phrase {
  readonly text: string;
  /** At the right of `text`: the value found, or the change. */
  readonly state?: string;
  /** Under it: what is surprising. */
  readonly note?: string;
  /** In one line with others: `spte = RW`. Absent: it needs a line of its own. */
  readonly brief?: string;
}

export interface PhrasedStep {
  readonly step: ExecutedStep;
  readonly phrase: Phrase;
}

export interface Surroundings {
  readonly threads: readonly string[];
  /** A single lock is not called by its name. */
  readonly lock: string | undefined;
  readonly buffered: ReadonlyMap<ExecutedStep, string>;
}

export const nameOf = ({ operation, found }: ExecutedStep): string =>
  found?.name ?? `0x${operation.address.toString(16)}`;

export function surroundingsOf(
  { threads, steps, standing }: Execution,
  buffered: Surroundings['buffered'],
): Surroundings {
  const isLock = ({ operation }: Standing): boolean =>
    operation !== undefined && kindOf(operation) === 'lock';
  const locks = new Set([
    ...steps.flatMap((step) => (kindOf(step.operation) === 'lock' ? [nameOf(step)] : [])),
    ...standing.filter(isLock).map(({ name }) => name),
  ]);
  return { threads, lock: locks.size === 1 ? [...locks][0] : undefined, buffered };
}

export function phrase(step: ExecutedStep, around: Surroundings): Phrase {
  const { operation } = step;
  if (step.kind === 'drain') return drained(step, around);
  const carried = around.buffered.get(step);
  if (carried !== undefined) {
    return { text: `${nameOf(step)} = ${carried}`, note: 'waits in its buffer' };
  }
  if (step.kind === 'asleep' || step.kind === 'timeout') {
    const text = `${describe(step)}, ${step.kind === 'asleep' ? 'sleeps' : 'times out'}`;
    return withState({ text: text + wakes(step, around) }, step.found?.text);
  }
  switch (kindOf(operation)) {
    case 'read':
      return withState({ text: describe(step), brief: describe(step) }, step.found?.text);
    case 'store':
    case 'rmw':
      return written(step);
    default:
      return other(step, around);
  }
}

const describe = (step: ExecutedStep): string =>
  describeOperation(step.operation, step.found?.name);

const withState = (phrase: Phrase, state: string | undefined): Phrase =>
  state === undefined ? phrase : { ...phrase, state };

const changed = ({ changes }: ExecutedStep): string | undefined =>
  changes.length === 0
    ? undefined
    : changes.map(({ name, before, after }) => `${name}: ${before} -> ${after}`).join(', ');

const drained = (step: ExecutedStep, { threads }: Surroundings): Phrase => ({
  text: `store leaves ${threads[step.thread]}'s buffer`,
  state: changed(step) ?? `${nameOf(step)}: ${step.found?.text ?? 'unchanged'}`,
});

function written(step: ExecutedStep): Phrase {
  const { operation, found, exchanged, aba = 0 } = step;
  const word = wordOf(operation);
  const state = changed(step) ?? `${nameOf(step)}: ${found?.text ?? 'unchanged'}`;
  if (exchanged === false) {
    return { text: `${word} fails`, state, brief: `${word} ${nameOf(step)} fails` };
  }
  const text = count(step) ?? word;
  if (aba > 0) {
    const writes = `${aba} ${aba === 1 ? 'write' : 'writes'}`;
    return { text, state, note: `succeeds, ABA: ${writes} to ${nameOf(step)} since it was read` };
  }
  return { text, state, brief: briefly(step) };
}

/** `seq++`, for the rmw that counts. */
function count({ operation: { verb, args }, found }: ExecutedStep): string | undefined {
  if (found === undefined || !verb.startsWith('add')) return undefined;
  if (verb === 'add64' && args[1] !== (args[0] === -1 ? -1 : 0)) return undefined;
  if (args[0] === 1) return `${found.name}++`;
  return args[0] === -1 ? `${found.name}--` : undefined;
}

function briefly(step: ExecutedStep): string {
  const value = step.changes[0]?.after ?? step.found?.text ?? 'unchanged';
  const set = count(step) ?? `${nameOf(step)} = ${value}`;
  return wordOf(step.operation) === 'cmpxchg' ? `cmpxchg ${set}` : set;
}

function other(step: ExecutedStep, around: Surroundings): Phrase {
  const { operation, found, answer } = step;
  const kind = kindOf(operation);
  if (kind === 'lock' || kind === 'unlock') {
    const bare = found !== undefined && found.name === around.lock;
    const text = (bare ? wordOf(operation) : describe(step)) + wakes(step, around);
    return { text, brief: text };
  }
  if (kind === 'sleep') return withState({ text: `${describe(step)}, goes on` }, found?.text);
  const text = describe(step) + wakes(step, around);
  if (operation.verb === 'alloc') return { text, state: `0x${answer.low.toString(16)}` };
  return kind === 'notify' ? { text, brief: text } : { text };
}

function wakes({ operation, wakes }: ExecutedStep, { threads }: Surroundings): string {
  if (wakes.length > 0) return `, wakes ${wakes.map((thread) => threads[thread]).join(' and ')}`;
  return operation.verb === 'notify' ? ', wakes nobody' : '';
}
