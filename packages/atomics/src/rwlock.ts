// A readers-writer lock over one word; a waiting writer holds new readers back, so that a harvest is never starved.
//
//   31      30                   29 ... 0
//   WRITER  WAITING              readers (those about to turn back included)
//
// A reader enters with one add, as the kernel's queued rwlock does: two read-modify-writes per uncontended section.
import type { Parking, Words } from './shared.ts';

const WRITER = 1 << 31;
const WAITING = 1 << 30;
const HELD_BACK = WRITER | WAITING;
const READERS = ~HELD_BACK;

export const tryReadLock = (mem: Words, address: number): boolean =>
  (mem.add32(address, 1) & HELD_BACK) === 0;

/** After a `tryReadLock` that failed; may sleep. */
export function readLockContended(mem: Words & Parking, address: number): void {
  do {
    readUnlock(mem, address); // take back the reader that tryReadLock added
    for (;;) {
      const word = mem.load32(address);
      if ((word & HELD_BACK) === 0) break;
      mem.wait(address, word);
    }
  } while (!tryReadLock(mem, address));
}

export function readUnlock(mem: Words & Parking, address: number): void {
  const old = mem.add32(address, -1);
  if ((old & WAITING) !== 0 && (old & READERS) === 1) mem.notify(address);
}

export const tryWriteLock = (mem: Words, address: number): boolean =>
  mem.cmpxchg32(address, 0, WRITER) === 1;

/** May sleep. */
export function writeLockContended(mem: Words & Parking, address: number): void {
  for (;;) {
    // An or, not a cmpxchg: that could lose to readers that come and go for ever.
    const word = mem.or32(address, WAITING) | WAITING;
    if (word !== WAITING) mem.wait(address, word);
    // Taking it clears WAITING: another writer that sleeps is woken by our unlock and says so again.
    else if (mem.cmpxchg32(address, word, WRITER)) return;
  }
}

export function writeUnlock(mem: Words & Parking, address: number): void {
  mem.and32(address, ~WRITER);
  mem.notify(address);
}
