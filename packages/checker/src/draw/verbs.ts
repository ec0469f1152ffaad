// What the seam's verbs are to a reader. In: a verb or an operation; out: its kind, its word, the cells that it touches.
import type { Operation } from '@faultline/atomics';

/** rmw: reads and may write. section: read sections and frames, which have no word. */
type Kind = 'read' | 'store' | 'rmw' | 'lock' | 'unlock' | 'sleep' | 'notify' | 'section';

const VERBS: Readonly<Record<Operation['verb'], readonly [kind: Kind, word: string]>> = {
  load32: ['read', 'read'],
  load64: ['read', 'read'],
  guestLoad: ['read', 'guest read'],
  store32: ['store', 'store'],
  store64: ['store', 'store'],
  guestStore: ['store', 'guest store'],
  guestLoad8: ['read', 'guest read'],
  guestLoad16: ['read', 'guest read'],
  guestStore8: ['store', 'guest store'],
  guestStore16: ['store', 'guest store'],
  guestXchg32: ['rmw', 'guest xchg'],
  guestCmpxchg32: ['rmw', 'guest cmpxchg'],
  guestOr32: ['rmw', 'guest or'],
  guestAnd32: ['rmw', 'guest and'],
  guestAdd32: ['rmw', 'guest add'],
  xchg32: ['rmw', 'xchg'],
  xchg64: ['rmw', 'xchg'],
  cmpxchg32: ['rmw', 'cmpxchg'],
  cmpxchg64: ['rmw', 'cmpxchg'],
  or32: ['rmw', 'or'],
  or64: ['rmw', 'or'],
  xor32: ['rmw', 'xor'],
  xor64: ['rmw', 'xor'],
  and32: ['rmw', 'and'],
  and64: ['rmw', 'and'],
  add32: ['rmw', 'add'],
  add64: ['rmw', 'add'],
  lock: ['lock', 'lock'],
  unlock: ['unlock', 'unlock'],
  readLock: ['lock', 'read lock'],
  readUnlock: ['unlock', 'read unlock'],
  writeLock: ['lock', 'write lock'],
  writeUnlock: ['unlock', 'write unlock'],
  wait: ['sleep', 'wait'],
  waitUntil: ['sleep', 'wait for'],
  waitWhile: ['sleep', 'wait while'],
  notify: ['notify', 'notify'],
  fence: ['section', 'fence'],
  enterRead: ['section', 'enter read section'],
  exitRead: ['section', 'exit read section'],
  synchronize: ['section', 'synchronize'],
  alloc: ['section', 'alloc'],
  free: ['section', 'free'],
};

export const kindOf = ({ verb }: Operation): Kind => VERBS[verb][0];
export const wordOf = ({ verb }: Operation): string => VERBS[verb][1];

/** A plain store: under TSO it waits in its processor's buffer. */
export const isPlainStore = (operation: Operation): boolean =>
  kindOf(operation) === 'store' && operation.order === 'plain';

export const isWrite = (operation: Operation): boolean =>
  kindOf(operation) === 'store' || kindOf(operation) === 'rmw';

/** The 32-bit words that an operation touches, as keys: operations meet where they share one. */
export function cellsOf({ object, address, bytes }: Operation): readonly string[] {
  if (object === 'thread') return [];
  if (object === 'ram') return [`ram ${address}`];
  return bytes === 8
    ? [`words ${address >> 2}`, `words ${(address >> 2) + 1}`]
    : [`words ${address >> 2}`];
}

/** What a thread is about to do, in words: `lock mmu_lock`. */
export function describeOperation(operation: Operation, name: string | undefined): string {
  if (operation.object === 'thread' && operation.verb !== 'free') return wordOf(operation);
  return `${wordOf(operation)} ${name ?? `0x${operation.address.toString(16)}`}`;
}
