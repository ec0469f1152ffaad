// A mutex of three states over one word. Guarantees mutual exclusion; not fair. Callers: every `lock` verb.
import type { Parking, Words } from './shared.ts';

const FREE = 0;
const HELD = 1;
/** Held, and somebody may sleep: the holder must wake. */
const CONTENDED = 2;

export const tryLock = (mem: Words, address: number): boolean =>
  mem.cmpxchg32(address, FREE, HELD) === 1;

/** The part of `lock` that may sleep. */
export function lockContended(mem: Words & Parking, address: number): void {
  // Whoever has slept takes the lock as CONTENDED: others may sleep still, and only this value makes unlock wake them.
  while (mem.xchg32(address, CONTENDED) !== FREE) {
    mem.wait(address, CONTENDED);
  }
}

export function unlock(mem: Words & Parking, address: number): void {
  if (mem.xchg32(address, FREE) === CONTENDED) mem.notify(address, 1);
}
