// Which steps a reader needs. In: an execution and how it failed; out: for every step, whether it is drawn.
// Dropped: what no other thread can have noticed, and reads of words that no other thread writes.
import type { Operation } from '@faultline/atomics';
import type { ExecutedStep, Execution } from '../execution.ts';
import type { Fault } from '../verdict.ts';
import { cellsOf, isPlainStore, isWrite, kindOf } from './verbs.ts';

/** Faults that the last step brings about; the others belong to an end or to a cycle. */
const OF_THE_LAST_STEP: readonly Fault[] = [
  'always',
  'use after free',
  'data race',
  'misuse',
  'threw',
];

/** Which threads touch a cell, as sets of bits. */
interface Touches {
  readonly all: Map<string, number>;
  readonly writes: Map<string, number>;
  /** Words that the program has a name for: whoever named them wants to know. */
  readonly named: ReadonlySet<string>;
}

export function whatMatters(execution: Execution, fault: Fault): readonly boolean[] {
  const touches = touchesOf(execution);
  const verbs = new Set(operationsOf(execution).map(([, operation]) => operation.verb));
  const buffers = execution.steps.some(({ operation }) => isPlainStore(operation));
  const last = OF_THE_LAST_STEP.includes(fault) ? execution.steps.length - 1 : -1;
  return execution.steps.map(
    (step, index) =>
      index === last ||
      step.wakes.length > 0 ||
      (kindOf(step.operation) === 'section'
        ? sectionMatters(step.operation.verb, verbs, buffers)
        : stepMatters(step, touches)),
  );
}

function stepMatters(step: ExecutedStep, { all, writes, named }: Touches): boolean {
  const { operation } = step;
  const others = (map: Map<string, number>): boolean =>
    cellsOf(operation).some((cell) => ((map.get(cell) ?? 0) & ~(1 << step.thread)) !== 0);
  const kind = kindOf(operation);
  if (kind === 'read' || (kind === 'sleep' && step.kind === 'done')) return others(writes);
  if (!isWrite(operation)) return true; // locks, sleepers, notify
  return others(all) || step.changes.some(({ name }) => named.has(name));
}

function sectionMatters(
  verb: Operation['verb'],
  verbs: ReadonlySet<string>,
  buffers: boolean,
): boolean {
  if (verb === 'enterRead' || verb === 'exitRead') return verbs.has('synchronize');
  if (verb === 'alloc') return verbs.has('free');
  if (verb === 'fence') return buffers;
  return true;
}

/** What was done, and what threads were about to do. */
const operationsOf = ({ steps, standing }: Execution): readonly [number, Operation][] => [
  ...steps.map(({ thread, operation }): [number, Operation] => [thread, operation]),
  ...standing.flatMap(({ operation }, thread): [number, Operation][] =>
    operation === undefined ? [] : [[thread, operation]],
  ),
];

function touchesOf(execution: Execution): Touches {
  const named = new Set(execution.initial.map(({ name }) => name));
  const touches: Touches = { all: new Map(), writes: new Map(), named };
  for (const [thread, operation] of operationsOf(execution)) {
    for (const cell of cellsOf(operation)) {
      touches.all.set(cell, (touches.all.get(cell) ?? 0) | (1 << thread));
      if (!isWrite(operation)) continue;
      touches.writes.set(cell, (touches.writes.get(cell) ?? 0) | (1 << thread));
    }
  }
  return touches;
}
