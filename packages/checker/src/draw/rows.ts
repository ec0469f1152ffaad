// The lines of a drawing. In: an execution; out: its rows, in time: who, what, the change at the right, what is surprising,
// and the source lines behind it. A thread's reads that follow one another share a row; so does what it does under a lock.
import type { ExecutedStep, Execution, Frame } from '../execution.ts';
import type { MemoryModel } from '../program.ts';
import type { Fault } from '../verdict.ts';
import { type Buffers, buffersOf, settle } from './buffers.ts';
import { foldSteps } from './fold.ts';
import { whatMatters } from './matters.ts';
import { nameOf, type PhrasedStep, phrase, surroundingsOf } from './phrase.ts';
import { isWrite, kindOf } from './verbs.ts';

export interface Row {
  /** Index into the execution's threads. */
  readonly thread: number;
  readonly text: string;
  readonly state?: string;
  readonly note?: string;
  /** The stack of every step in the row, innermost frame first. */
  readonly sites: readonly (readonly Frame[])[];
  /** Words that it read as others left them in memory, and words that it wrote there; by name. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

interface Open {
  readonly said: PhrasedStep[];
  /** Begun, or gone on, under a lock. */
  readonly locked: boolean;
}

export function rowsOf(
  execution: Execution,
  fault: Fault,
  model: MemoryModel | undefined,
): readonly Row[] {
  const buffers = buffersOf(execution, model);
  const matters = whatMatters(execution, fault);
  const told = execution.steps.filter((_, index) => matters[index]);
  const around = surroundingsOf(execution, buffers.carried);
  const initial = new Map(execution.initial.map(({ name, text }) => [name, text]));
  const locks = new Map<number, number>();
  const open: Open[] = [];
  for (const step of settle(told, buffers)) {
    const held = locks.get(step.thread) ?? 0;
    locks.set(step.thread, held + locksTaken(step));
    const said = { step, phrase: phrase(step, around) };
    const last = open.at(-1);
    if (last !== undefined && joins(last, said, held > 0)) last.said.push(said);
    else open.push({ said: [said], locked: held > 0 || locksTaken(step) > 0 });
  }
  return open.map(({ said }) => toRow(said, initial, buffers));
}

function locksTaken({ kind, operation }: ExecutedStep): number {
  if (kind !== 'done') return 0;
  if (kindOf(operation) === 'lock') return 1;
  return kindOf(operation) === 'unlock' ? -1 : 0;
}

function joins({ said, locked }: Open, next: PhrasedStep, holding: boolean): boolean {
  const [first] = said;
  if (first?.step.thread !== next.step.thread) return false;
  if (first.phrase.brief === undefined || next.phrase.brief === undefined) return false;
  if (locked && holding) return true;
  return [first, next].every(({ step }) => kindOf(step.operation) === 'read');
}

function toRow(
  said: readonly PhrasedStep[],
  initial: ReadonlyMap<string, string>,
  { carried, storeOf, forwarded }: Buffers,
): Row {
  const steps = said.map(({ step }) => step);
  const reads = new Set<string>();
  const writes = new Set<string>();
  for (const step of steps) {
    if (carried.has(step) || forwarded.has(step)) continue;
    if (isSight(step) && !writes.has(nameOf(step))) reads.add(nameOf(step));
    if (isWrite(step.operation) && step.exchanged !== false) writes.add(nameOf(step));
  }
  return {
    thread: said[0]?.step.thread ?? 0,
    ...foldSteps(said, initial),
    sites: steps.map((step) => (storeOf.get(step) ?? step).site),
    reads: [...reads],
    writes: [...writes],
  };
}

/** Whether it saw what memory held. */
const isSight = ({ kind, operation }: ExecutedStep): boolean =>
  kind === 'done' && ['read', 'rmw', 'sleep'].includes(kindOf(operation));
