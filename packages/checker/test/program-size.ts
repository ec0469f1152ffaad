// How many executions a program of statements has at most: what plain exhaustion can be asked for.
import type { MemoryModel } from '../src/program.ts';
import type { Statement } from './statements.ts';

/** Steps of a thread at most, and of its store buffer. */
interface Size {
  readonly steps: number;
  readonly drains: number;
}

const sizeOf = (statements: readonly Statement[]): Size =>
  statements
    .map(sizeOfOne)
    .reduce(
      (sum, { steps, drains }) => ({ steps: sum.steps + steps, drains: sum.drains + drains }),
      { steps: 0, drains: 0 },
    );

function sizeOfOne(statement: Statement): Size {
  const { steps, drains } = 'body' in statement ? sizeOf(statement.body) : { steps: 0, drains: 0 };
  switch (statement.do) {
    case 'if':
      return { steps, drains };
    case 'locked':
      return { steps: steps + 2, drains: drains + (statement.by === 'read' ? 0 : 1) };
    case 'handOver':
      return { steps: steps + 4, drains: drains + 2 };
    case 'loop':
      return { steps: statement.times * steps, drains: statement.times * drains };
    case 'wait':
    case 'waitUntil':
    case 'waitWhile':
      return { steps: 2, drains: 0 };
    case 'storePlain':
    case 'storePlain64':
    case 'guestStore':
      return { steps: 1, drains: 1 };
    default:
      return { steps: 1, drains: 0 };
  }
}

/** The ways to interleave sequences of so many steps. */
function interleavings(lengths: readonly number[]): number {
  let product = 1;
  let total = 0;
  for (const length of lengths) {
    for (let step = 1; step <= length; step++) product *= ++total / step;
  }
  return product;
}

/** Executions at most; of those with buffers, many more than there are. */
export function executionsOf(
  threads: readonly (readonly Statement[])[],
  model: MemoryModel,
): number {
  const sizes = threads.map(sizeOf);
  const drains = model === 'tso' ? sizes.map((size) => size.drains) : [];
  return interleavings([...sizes.map(({ steps }) => steps), ...drains]);
}
