import { describe, expect, it } from 'vitest';
import { type Body, everyInterleaving } from '../test/interleavings.ts';
import { createAlone } from './alone.ts';
import * as rwlock from './rwlock.ts';
import type { Shared } from './shared.ts';

const LOCK = 64;
const BUSY = 128;

/** Answers whether it met nobody who writes. */
const readBy =
  (contended: (mem: Shared, address: number) => void): Body =>
  (mem) => {
    if (!rwlock.tryReadLock(mem, LOCK)) contended(mem, LOCK);
    const quiet = mem.load32(BUSY) === 0;
    rwlock.readUnlock(mem, LOCK);
    return quiet;
  };
const read = readBy(rwlock.readLockContended);

const writeBy =
  (unlock: (mem: Shared, address: number) => void): Body =>
  (mem) => {
    if (!rwlock.tryWriteLock(mem, LOCK)) rwlock.writeLockContended(mem, LOCK);
    const quiet = mem.xchg32(BUSY, 1) === 0;
    mem.store32(BUSY, 0);
    unlock(mem, LOCK);
    return quiet;
  };
const write = writeBy(rwlock.writeUnlock);

const quiet = (...bodies: Body[]) => ({
  deadlock: false,
  ends: [JSON.stringify(bodies.map(() => true))],
});

describe('A readers-writer lock, in every interleaving', () => {
  it.each([
    ['two writers', [write, write]],
    ['a writer and two readers', [write, read, read]],
    ['two writers and a reader', [write, write, read]],
  ])('keeps writers alone, and wakes everybody: %s', (_, bodies) => {
    expect(everyInterleaving(...bodies)).toMatchObject(quiet(...bodies));
  });

  it('lets readers in together', () => {
    // Each waits inside for the other.
    const meet: Body = (mem) => {
      if (!rwlock.tryReadLock(mem, LOCK)) rwlock.readLockContended(mem, LOCK);
      mem.add32(BUSY, 1);
      mem.notify(BUSY);
      mem.waitUntil(BUSY, -1, 2);
      rwlock.readUnlock(mem, LOCK);
    };
    expect(everyInterleaving(meet, meet).deadlock).toBe(false);
  });

  it('holds new readers back as soon as a writer waits', () => {
    const mem = createAlone({ threads: 1, words: 64, frames: 0, frameBytes: 64, ram: 0 });
    const lock = mem.memory.map.wordsAt;
    mem.readLock(lock);
    expect(() => mem.writeLock(lock)).toThrow(); // alone, it says that it would sleep
    expect(rwlock.tryReadLock(mem, lock)).toBe(false);
  });

  it('leaves the writer asleep, if a reader that turns back wakes nobody', () => {
    const turnBackQuietly = (mem: Shared, address: number) => {
      do {
        mem.add32(address, -1);
        for (;;) {
          const word = mem.load32(address);
          if (word >= 0 && word < 1 << 30) break; // neither WRITER nor WAITING
          mem.wait(address, word);
        }
      } while (!rwlock.tryReadLock(mem, address));
    };
    expect(everyInterleaving(write, write, readBy(turnBackQuietly)).deadlock).toBe(true);
  });

  it('leaves sleepers behind, if a writer that goes wakes only one of them', () => {
    const wakeOne = (mem: Shared, address: number) => {
      mem.and32(address, ~(1 << 31));
      mem.notify(address, 1);
    };
    expect(everyInterleaving(writeBy(wakeOne), read, read).deadlock).toBe(true);
  });
});
