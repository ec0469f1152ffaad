// What a step reads and writes: two steps of different threads commute if neither writes what the other touches.
import {
  CMPXCHG,
  ENTER_READ,
  EXIT_READ,
  FREE,
  type Instruction,
  NOTIFY,
  SYNCHRONIZE,
} from './instruction.ts';
import type { Memory } from './memory.ts';
import type { Verbs } from './verbs.ts';

/** Cells that one step may touch: a 64-bit word in a frame, or every thread's read section. */
export const MOST_TOUCHED = 32;

/**
 * Writes the cells that `thread`'s next step touches into `into`, as cell * 2 + (written ? 1 : 0); how many. Of the state as
 * it is: a cmpxchg that would fail now is a read.
 */
export function footprint(
  { threads, memory, verbs }: { threads: number; memory: Memory; verbs: Verbs },
  thread: number,
  instruction: Instruction,
  into: Int32Array,
): number {
  const { code, cell, cell2, queue, freed } = instruction;
  let length = 0;
  const add = (of: number, written: boolean): void => {
    into[length++] = of * 2 + (written ? 1 : 0);
  };
  if (freed >= 0) add(freed, code === FREE);
  if (queue >= 0) {
    const wakes = code === NOTIFY && memory.get(queue) !== 0;
    const isAsleep = verbs.isAsleep(thread, instruction);
    if (code !== NOTIFY && !isAsleep) add(cell, false);
    // A wait counts as a write of its queue though it may go on: whether it sleeps is another word's affair, and a step that
    // comes before it may change that.
    add(queue, code !== NOTIFY || wakes);
  } else if (code === ENTER_READ || code === EXIT_READ || code === SYNCHRONIZE) {
    const synchronizes = code === SYNCHRONIZE;
    add(synchronizes ? verbs.grace(thread) : verbs.section(thread), true);
    for (let other = 0; other < threads && code !== ENTER_READ; other++) {
      if (other === thread) continue;
      add(synchronizes ? verbs.section(other) : verbs.grace(other), !synchronizes);
    }
  } else if (cell >= 0) {
    const writes = verbs.writes(instruction);
    // Of a 64-bit cmpxchg that would fail, the half that says so is read; the other would be written, were that half right.
    const lowFails = code === CMPXCHG && cell2 >= 0 && memory.get(cell) !== (instruction.a | 0);
    add(cell, writes || (code === CMPXCHG && cell2 >= 0 && !lowFails));
    if (cell2 >= 0) add(cell2, writes || lowFails);
  }
  return length;
}
