// The seam: every verb with which code may touch memory that another thread can see. Nothing else may.
// Backends: threads (real workers), alone (one thread, no SharedArrayBuffer), answering (from a log, for the checker).

/** Something that happened; a room defines the union of its own. */
export interface SharedEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export const WAIT_WOKEN = 0;
export const WAIT_NOT_EQUAL = 1;
export const WAIT_TIMED_OUT = 2;

/** Shared words by byte address, aligned to their size. All sequentially consistent but the two `storePlain`. */
export interface Words {
  load32(address: number): number;
  store32(address: number, value: number): void;
  /** A C plain store: on threads as `store32`, under the checker's TSO it waits in its processor's store buffer. */
  storePlain32(address: number, value: number): void;
  /** Returns the value found, as `or32`, `and32` and `add32` do. */
  xchg32(address: number, value: number): number;
  /** 1 if the word held `expected` and now holds `value`, else 0; `low` is the value found. */
  cmpxchg32(address: number, expected: number, value: number): number;
  or32(address: number, bits: number): number;
  and32(address: number, bits: number): number;
  add32(address: number, value: number): number;

  /**
   * Halves of the value that this thread's last 64-bit verb or cmpxchg found. Read them in the declaration that calls the
   * verb: the next one overwrites them.
   */
  readonly low: number;
  readonly high: number;
  /** Returns the low half; one untorn load. */
  load64(address: number): number;
  store64(address: number, low: number, high: number): void;
  storePlain64(address: number, low: number, high: number): void;
  /** Returns the low half of the value found, as `or64`, `and64` and `add64` do. */
  xchg64(address: number, low: number, high: number): number;
  /** Compares all 64 bits. 1 if the word was exchanged, else 0; `low` and `high` hold what was found either way. */
  cmpxchg64(
    address: number,
    expectedLow: number,
    expectedHigh: number,
    low: number,
    high: number,
  ): number;
  or64(address: number, low: number, high: number): number;
  and64(address: number, low: number, high: number): number;
  add64(address: number, low: number, high: number): number;
  fence(): void;
}

export interface Parking {
  /** Sleeps while the word holds `expected`, `ms` milliseconds at most (for ever without it); answers `WAIT_*`. */
  wait(address: number, expected: number, ms?: number): number;
  /** Wakes up to `count` sleepers (all without it); answers how many. */
  notify(address: number, count?: number): number;
}

export interface Shared extends Words, Parking {
  /** Which thread of its memory this is, from 0. */
  readonly thread: number;

  /** Mutex at a 32-bit word that begins as 0. */
  lock(address: number): void;
  unlock(address: number): void;
  /** Readers-writer lock at a 32-bit word that begins as 0. */
  readLock(address: number): void;
  readUnlock(address: number): void;
  writeLock(address: number): void;
  writeUnlock(address: number): void;
  /** Blocks until `(word & mask) === value`. Whoever makes it so notifies the word. */
  waitUntil(address: number, mask: number, value: number): void;
  /** Blocks while the word holds `value`; likewise. */
  waitWhile(address: number, value: number): void;

  /** Between the two, what this thread has reached stays allocated. On threads both cost nothing: see grace-period.ts. */
  enterRead(): void;
  exitRead(): void;
  /**
   * Blocks until every read section that had begun has ended. Not to be called inside one. On threads, sets
   * REQUEST_QUIESCE for every thread: whoever serves it may have cached what has changed.
   */
  synchronize(): void;
  /** A frame of the memory's frame size, content unspecified; answers its byte address. */
  alloc(): number;
  /** Gives a frame back, poisoned. Published frames: only after `synchronize`. */
  free(frame: number): void;

  /** One 32-bit word of guest memory, by word index. Plain: ordered by locks and flush acknowledgements alone. */
  guestLoad(index: number): number;
  guestStore(index: number, value: number): void;
  /**
   * Bytes and halfwords, unsigned, each by an index in units of its own size. A store changes nothing beside it. The checker
   * refuses them: there guest memory is whole words.
   */
  guestLoad8(index: number): number;
  guestStore8(index: number, value: number): void;
  guestLoad16(index: number): number;
  guestStore16(index: number, value: number): void;
  /** Copies bytes of guest memory out and in, by byte index. Not atomic. */
  guestRead(index: number, into: Uint8Array): void;
  guestWrite(index: number, bytes: Uint8Array): void;
  /** Fills `count` words of guest memory, and copies them, by word index. Not atomic; in a log, word by word. */
  guestFillWords(index: number, count: number, value: number): void;
  guestCopyWords(to: number, from: number, count: number): void;
  /** Atomic and sequentially consistent, on a 32-bit word by word index; each answers the value found. */
  guestAdd32(index: number, value: number): number;
  guestOr32(index: number, bits: number): number;
  guestAnd32(index: number, bits: number): number;
  guestXchg32(index: number, value: number): number;
  guestCmpxchg32(index: number, expected: number, value: number): number;

  /** At the head of a loop that may run for ever: from here only these locals matter. */
  again(...live: readonly number[]): void;
  /** Absent without a listener, so that `mem.emit?.({...})` builds nothing. */
  emit?: ((event: SharedEvent) => void) | undefined;
}
