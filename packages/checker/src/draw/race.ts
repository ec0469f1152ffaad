// The two accesses of a data race. In: an execution that ended with one; out: both, each with its thread and source line.
import type { Operation } from '@faultline/atomics';
import type { Execution, Frame } from '../execution.ts';
import { cellsOf, isWrite } from './verbs.ts';

export interface Access {
  readonly thread: number;
  readonly operation: Operation;
  readonly name: string | undefined;
  readonly site: readonly Frame[];
}

/** What threads were about to do goes first, then what they did, the last first. */
export function racingPair(execution: Execution): readonly [Access, Access] | undefined {
  const accesses = [...pending(execution), ...done(execution).reverse()];
  for (const [index, second] of accesses.entries()) {
    const first = accesses.slice(0, index).find((access) => races(access, second));
    if (first !== undefined) return [first, second];
  }
  return undefined;
}

const pending = ({ standing }: Execution): Access[] =>
  standing.flatMap(({ operation, name, site = [] }, thread) =>
    operation === undefined ? [] : [{ thread, operation, name, site }],
  );

const done = ({ steps }: Execution): Access[] =>
  steps
    .filter(({ kind }) => kind !== 'drain')
    .map(({ thread, operation, found, site }) => ({ thread, operation, name: found?.name, site }));

function races(a: Access, b: Access): boolean {
  if (a.thread === b.thread) return false;
  if (!isWrite(a.operation) && !isWrite(b.operation)) return false;
  if (a.operation.order !== 'plain' && b.operation.order !== 'plain') return false;
  const cells = new Set(cellsOf(a.operation));
  return cellsOf(b.operation).some((cell) => cells.has(cell));
}
