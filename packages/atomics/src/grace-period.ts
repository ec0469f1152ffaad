// Read-copy-update for threads that poll. A reader pays nothing: it is inside a read section whenever the state in its
// mode word is not 0, and every store of that word says "at this instant I hold no references to frames".
//
//   synchronize                        | reader
//   (unlink)                           | mode := new value, state not 0
//   requests |= QUIESCE                | (reach)
//   mode has state 0 ? done            | polls, sees requests:
//   requests are 0 ? done              |   requests := 0
//   wait while mode is what it was     |   mode := new value, notify
//
// Either the writer sees the reader's mode, or the reader's mode was stored after that look, and so after the unlink:
// then it cannot reach what was unlinked. No value of the mode word ever comes back (it counts), so that a reader which
// leaves and enters again between two looks is not waited for twice.
//
// The look at the requests is for a reader that had taken them, and stored its mode, before the writer read that mode:
// it owes nobody another store.
//
//   synchronize                        | reader
//   requests |= QUIESCE                |
//                                      | requests := 0, mode := 13
//   mode is 13                         |
//   wait while mode is 13: OOPS        | (nothing is pending: notifies nobody when it leaves)
import { modeAddress, requestsAddress, type SeamMap } from './seam-map.ts';
import type { Shared } from './shared.ts';

/** Request bit of the seam: pass a quiescent point. */
export const REQUEST_QUIESCE = 1;
/** Bits of a mode word that say where its thread is; 0 means that it holds no references. Above them, a counter. */
export const MODE_STATE = 3;

/** Throws when the calling thread is inside: it would go on with what it cached, and others would wait for it. */
export function assertOutside(mem: Shared): void {
  const state = mem.load32(modeAddress(mem.thread)) & MODE_STATE;
  if (state === 0) return;
  throw new Error(
    `expected thread ${mem.thread} outside, got mode ${state}; ` +
      'usual cause: a vCPU that does the work of its VMM without leaving the guest',
  );
}

/** Sets a request bit of `thread`. */
export const makeRequest = (mem: Shared, thread: number, bit: number): number =>
  mem.or32(requestsAddress(thread), bit);

/** After `makeRequest`: blocks until `thread` is outside, or has stored its mode or taken its requests since. */
export function waitUntilSeen(mem: Shared, thread: number): void {
  const mode = mem.load32(modeAddress(thread));
  if ((mode & MODE_STATE) === 0) return;
  if (mem.load32(requestsAddress(thread)) === 0) return; // taken since we made ours
  mem.waitWhile(modeAddress(thread), mode);
}

/** Blocks until every other thread has been seen without references. */
export function synchronize(mem: Shared, map: SeamMap): void {
  assertOutside(mem);
  // The caller's own thread too: it is outside, and what it cached grows stale like everybody's.
  for (let thread = 0; thread < map.threads; thread++) makeRequest(mem, thread, REQUEST_QUIESCE);
  for (let thread = 0; thread < map.threads; thread++) {
    if (thread !== mem.thread) waitUntilSeen(mem, thread);
  }
}

/** This thread's side: its place in the protocol. `word` is what it stored last. */
export interface Mode {
  readonly address: number;
  readonly requests: number;
  word: number;
  /** Requests were taken since the last store: somebody may sleep who no longer shows in the requests. */
  taken: boolean;
}

export const modeOf = (thread: number): Mode => ({
  address: modeAddress(thread),
  requests: requestsAddress(thread),
  word: 0,
  taken: false,
});

/**
 * Stores the mode with a new state and answers the requests pending after that store: whoever enters must take and serve
 * them before it relies on anything it cached.
 */
export function setMode(mem: Shared, mode: Mode, state: number): number {
  mode.word = ((mode.word | MODE_STATE) + 1) | state;
  mem.store32(mode.address, mode.word);
  // After the store, never before: the other side stores its request and then looks at the mode. Litmus:
  // tlb-flush-enters-after-looking.
  const pending = mem.load32(mode.requests);
  if (pending !== 0 || mode.taken) mem.notify(mode.address);
  mode.taken = false;
  return pending;
}

/** Takes the pending requests. The caller serves them and stores its mode again before it goes on. */
export function takeRequests(mem: Shared, mode: Mode): number {
  mode.taken = true;
  return mem.xchg32(mode.requests, 0);
}
