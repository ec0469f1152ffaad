// Threads that are alike: states that differ only in which of them is where count as one.
import {
  ALLOC,
  ENTER_READ,
  type Instruction,
  SYNCHRONIZE,
  WAIT,
  WAIT_UNTIL,
  WAIT_WHILE,
} from './instruction.ts';
import type { Program } from './program.ts';
import type { State } from './state.ts';

/** The groups that a program declares, as thread numbers. Throws a RangeError where they cannot be alike. */
export function groupsOf({ name, symmetric = [], threads }: Program): number[][] {
  const names = Object.keys(threads);
  return symmetric.map((group) =>
    group.map((member) => {
      const thread = names.indexOf(member);
      if (thread < 0)
        throw new RangeError(`${name}: expected a thread in symmetric, got ${member}`);
      if (threads[member] !== threads[group[0] as string]) {
        throw new RangeError(
          `${name}: expected symmetric threads to have one body, got another for ${member}; ` +
            'usual cause: a function made anew for each',
        );
      }
      return thread;
    }),
  );
}

/** Throws a RangeError where an operation would keep the thread's number in shared state. */
export function refuseInGroup({ code, operation }: Instruction): void {
  const sleeps = code === WAIT || code === WAIT_UNTIL || code === WAIT_WHILE;
  if (!sleeps && code !== ENTER_READ && code !== SYNCHRONIZE && code !== ALLOC) return;
  throw new RangeError(
    `expected symmetric threads not to ${operation.verb}: who sleeps, reads or owns is kept by the thread's number; ` +
      'leave them out of `symmetric`',
  );
}

/** The state as stores compare it: threads that are alike in the order of what they do next. */
export function rowOf(
  { state, groups }: { readonly state: State; readonly groups: readonly (readonly number[])[] },
  scratch: { row: Int32Array },
): Int32Array {
  if (groups.length === 0) return state.values;
  if (scratch.row.length < state.width) scratch.row = new Int32Array(state.width * 2);
  const { row } = scratch;
  row.set(state.values.subarray(0, state.width));
  for (const group of groups) {
    const nodes = group.map((thread) => row[thread] as number).sort((a, b) => a - b);
    group.forEach((thread, index) => {
      row[thread] = nodes[index] as number;
    });
  }
  return row;
}
