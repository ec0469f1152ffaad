// What if this operation did less than it does? A mutant is one operation of one line, done worse: its place in the code is
// known from the stack trace taken when the operation was learned, so that shipped code needs no hooks. A mutant that no
// check catches is a redundant operation, or a property that nobody has written down.
import type { Answer } from '@faultline/atomics';

import {
  CMPXCHG,
  FENCE,
  type Instruction,
  LOAD,
  LOCK,
  type MutationKind,
  NOTHING,
  NOTIFY,
  READ_LOCK,
  READ_UNLOCK,
  STORE,
  SYNCHRONIZE,
  UNLOCK,
  WAIT,
  WAIT_UNTIL,
  WAIT_WHILE,
  WRITE_LOCK,
  WRITE_UNLOCK,
  XCHG,
  XOR,
} from './instruction.ts';
import { type Node, type Pending, siteOf } from './node.ts';
import { framesOf } from './site.ts';

/** An operation of somebody's code. */
export interface Place {
  readonly verb: string;
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

export interface Mutant extends Place {
  readonly kind: MutationKind;
}

/** Changes an instruction as it is learned from `run`. `parent` is what the thread did before. */
export type Alter = (
  instruction: Instruction,
  run: Pending,
  parent: Node | undefined,
) => Instruction;

/** Does the thread do `place`'s operation here? */
export function isAt(place: Place, { operation }: Instruction, run: Pending): boolean {
  if (operation.verb !== place.verb) return false;
  const [frame] = framesOf(run.site);
  return (
    frame?.line === place.line && frame.file === place.file && frame.function === place.function
  );
}

/** Where the operations of `nodes` stand that `wanted` names, each once. */
export function placesOf(
  nodes: Iterable<Node>,
  wanted: (instruction: Instruction) => boolean,
): Place[] {
  const places = new Map<string, Place>();
  for (const node of nodes) {
    const { instruction } = node;
    const [frame] = framesOf(siteOf(node));
    if (instruction === undefined || frame === undefined || !wanted(instruction)) continue;
    const place = { verb: instruction.operation.verb, ...frame };
    places.set(JSON.stringify(place), place);
  }
  return [...places.values()];
}

const isLock = (code: number): boolean =>
  code === LOCK || code === READ_LOCK || code === WRITE_LOCK;
const isUnlock = (code: number): boolean =>
  code === UNLOCK || code === READ_UNLOCK || code === WRITE_UNLOCK;
/** Read-modify-writes. */
const isRmw = (code: number): boolean => code >= XCHG && code <= XOR;

/** What can be done to an operation. */
function mutationsOf({ code, cell2 }: Instruction): MutationKind[] {
  if (code === STORE) return ['skip', 'delay'];
  if (code === CMPXCHG) return cell2 < 0 ? ['skip', 'split'] : ['skip', 'split', 'half'];
  if (isRmw(code)) return ['skip', 'split'];
  const waits = code === WAIT || code === WAIT_UNTIL || code === WAIT_WHILE || code === SYNCHRONIZE;
  return waits || isLock(code) || code === NOTIFY || code === FENCE ? ['skip'] : [];
}

/** Each thing that can be done to the operations that the threads were seen to do, once. */
export function mutantsOf(nodes: Iterable<Node>): Mutant[] {
  const mutants = new Map<string, Mutant>();
  for (const node of nodes) {
    const { instruction } = node;
    const [frame] = framesOf(siteOf(node));
    if (instruction === undefined || frame === undefined) continue;
    for (const kind of mutationsOf(instruction)) {
      const mutant = { kind, verb: instruction.operation.verb, ...frame };
      mutants.set(JSON.stringify(mutant), mutant);
    }
  }
  return [...mutants.values()];
}

/** The instruction as the mutant has it. */
export const mutation =
  (mutant: Mutant): Alter =>
  (instruction, run, parent) => {
    if (isUnlock(instruction.code) && wasSkipped(instruction, parent)) return nothing(instruction);
    if (!isAt(mutant, instruction, run)) return instruction;
    if (mutant.kind === 'half') return { ...instruction, mutation: 'half' };
    if (mutant.kind === 'split') return { ...instruction, code: LOAD, mutation: 'split' };
    if (mutant.kind === 'delay') {
      // Of stores in a row every other one is late: each comes after one operation, none is lost.
      if (parent?.instruction?.mutation === 'delay') return instruction;
      return { ...nothing(instruction), mutation: 'delay', owed: instruction };
    }
    return skipped(instruction);
  };

/** Did this thread's last taking of the same lock do nothing? Then so does its release. */
function wasSkipped({ operation }: Instruction, parent: Node | undefined): boolean {
  for (let node = parent; node !== undefined; node = node.parent) {
    const before = node.instruction;
    if (before?.operation.address !== operation.address || !/lock$/i.test(before.operation.verb))
      continue;
    return before.code === NOTHING && before.mutation === 'skip';
  }
  return false;
}

/** A read-modify-write still answers what it finds; a cmpxchg says that it won. */
function skipped(instruction: Instruction): Instruction {
  const { code, a, b, cell2 } = instruction;
  if (code === CMPXCHG) return { ...nothing(instruction), a, b: cell2 < 0 ? 0 : b };
  return isRmw(code) ? { ...instruction, code: LOAD, mutation: 'skip' } : nothing(instruction);
}

const nothing = (instruction: Instruction): Instruction => ({
  ...instruction,
  code: NOTHING,
  cell: -1,
  cell2: -1,
  queue: -1,
  freed: -1,
  a: 0,
  b: 0,
  mutation: 'skip',
});

/** Of a read-modify-write that was split: the store that follows its load, if any. */
export function secondStep(
  instruction: Instruction,
  { low, high }: Answer,
): Instruction | undefined {
  if (instruction.mutation !== 'split') return undefined;
  const { operation, a, b, c, d, cell2 } = instruction;
  const store = (a: number, b: number): Instruction => ({
    ...instruction,
    code: STORE,
    mutation: 'skip',
    a,
    b,
  });
  const verb = operation.verb.slice(0, -2);
  if (verb === 'cmpxchg') {
    const matches = low === (a | 0) && (cell2 < 0 || high === (b | 0));
    if (!matches) return undefined;
    return cell2 < 0 ? store(b, 0) : store(c, d);
  }
  if (verb === 'xchg') return store(a, b);
  if (verb === 'or') return store(low | a, high | b);
  if (verb === 'and') return store(low & a, high & b);
  if (verb === 'xor') return store(low ^ a, high ^ b);
  const carry = (low >>> 0) + (a >>> 0) >= 2 ** 32 ? 1 : 0;
  return store((low + a) | 0, (high + b + carry) | 0);
}
