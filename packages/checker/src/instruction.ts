// An operation made ready for a search: its verb as a small number, its address as cells.
import { formatOperation, type Operation, type Verb } from '@faultline/atomics';
import type { Cells } from './cells.ts';
import type { Program } from './program.ts';

export const LOAD = 0;
export const STORE = 1;
export const XCHG = 2;
export const CMPXCHG = 3;
export const OR = 4;
export const AND = 5;
export const ADD = 6;
export const XOR = 7;
export const FENCE = 8;
/** From here on an operation may block, or act on other threads. */
export const LOCK = 9;
export const UNLOCK = 10;
export const READ_LOCK = 11;
export const READ_UNLOCK = 12;
export const WRITE_LOCK = 13;
export const WRITE_UNLOCK = 14;
export const WAIT = 15;
export const NOTIFY = 16;
export const WAIT_UNTIL = 17;
export const WAIT_WHILE = 18;
export const ENTER_READ = 19;
export const EXIT_READ = 20;
export const SYNCHRONIZE = 21;
export const ALLOC = 22;
export const FREE = 23;
/** Answers `a` and `b` at once, touches nothing: what a mutation leaves of an operation. */
export const NOTHING = 24;

const CODES: Readonly<Record<string, number>> = {
  load: LOAD,
  store: STORE,
  xchg: XCHG,
  cmpxchg: CMPXCHG,
  or: OR,
  and: AND,
  add: ADD,
  xor: XOR,
};
const BLOCKING: Readonly<Partial<Record<Verb, number>>> = {
  fence: FENCE,
  lock: LOCK,
  unlock: UNLOCK,
  readLock: READ_LOCK,
  readUnlock: READ_UNLOCK,
  writeLock: WRITE_LOCK,
  writeUnlock: WRITE_UNLOCK,
  wait: WAIT,
  notify: NOTIFY,
  waitUntil: WAIT_UNTIL,
  waitWhile: WAIT_WHILE,
  enterRead: ENTER_READ,
  exitRead: EXIT_READ,
  synchronize: SYNCHRONIZE,
  alloc: ALLOC,
  free: FREE,
  guestLoad: LOAD,
  guestStore: STORE,
  guestAdd32: ADD,
  guestOr32: OR,
  guestAnd32: AND,
  guestXchg32: XCHG,
  guestCmpxchg32: CMPXCHG,
};

export interface Instruction {
  readonly operation: Operation;
  readonly code: number;
  /** First cell, and the second one of a 64-bit word or -1. */
  readonly cell: number;
  readonly cell2: number;
  /** The queue of sleepers on the word; -1 for verbs that have none. */
  readonly queue: number;
  /** Whether the frame that holds the word is free; -1 outside frames. */
  readonly freed: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly plain: boolean;
  /** What a mutation did to it; see mutation.ts. */
  readonly mutation?: MutationKind;
  /** Of a mutation: the store that is still to come, or a step that the thread's own code knows nothing of. */
  readonly owed?: Instruction;
  readonly isGhost?: boolean;
}

/** skip: answered at once. split: no longer atomic. delay: after the next operation. half: compares the low half only. */
export type MutationKind = 'skip' | 'split' | 'delay' | 'half';

export function compile(
  cells: Cells,
  operation: Operation,
  frames: Program['frames'],
): Instruction {
  const { verb, object, address, bytes, order, args } = operation;
  const code = BLOCKING[verb] ?? CODES[verb.slice(0, -2)];
  if (object === 'ram' && bytes < 4) refuseParts(operation);
  if (code === undefined) throw new Error(`expected a verb of the seam, got ${verb}`);
  const [a = 0, b = 0, c = 0, d = 0] = args;
  const hasWord = object !== 'thread';
  const kind = object === 'ram' ? 'ram' : 'words';
  const sleeps = code === WAIT || code === NOTIFY || code === WAIT_UNTIL || code === WAIT_WHILE;
  return {
    operation,
    code,
    cell: hasWord ? cells.cell(kind, address) : -1,
    cell2: hasWord && bytes === 8 ? cells.cell(kind, address + 4) : -1,
    queue: sleeps ? cells.cell('queue', address) : -1,
    freed: freedCell(cells, operation, frames),
    a,
    b,
    c,
    d,
    plain: order === 'plain',
  };
}

/** A cell is a whole word: two parts of one would be taken for words that have nothing to do with each other. */
function refuseParts(operation: Operation): never {
  throw new Error(
    `expected guest memory in words of 32 bits, got ${formatOperation(operation)}: the checker knows no bytes or halfwords of it`,
  );
}

function freedCell(
  cells: Cells,
  { verb, object, address }: Operation,
  frames: Program['frames'],
): number {
  if (frames === undefined || (object !== 'words' && verb !== 'free')) return -1;
  const frame = Math.floor((address - frames.framesAt) / frames.frameBytes);
  return frame >= 0 && frame < frames.frames ? cells.cell('freed', frame) : -1;
}
