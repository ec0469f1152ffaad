import { describe, expect, it } from 'vitest';
import { createAlone } from './alone.ts';

/** A memory whose clock says one more at each look. */
const clocked = () => {
  let ms = 0;
  const size = { threads: 1, words: 64, frames: 0, frameBytes: 64, ram: 0 };
  const mem = createAlone(size, { now: () => ms++ });
  return { mem, lock: mem.memory.map.wordsAt, other: mem.memory.map.wordsAt + 4 };
};

describe('The times of a lock', () => {
  it('count each write section and how long it held the lock', () => {
    const { mem, lock } = clocked();
    for (let write = 0; write < 3; write++) {
      mem.writeLock(lock);
      mem.writeUnlock(lock);
    }
    expect(mem.lockTimes(lock)).toMatchObject({ writes: 3, writtenMs: 3, waits: 0 });
  });

  it('sample one read section in 64, and count them all', () => {
    const { mem, lock } = clocked();
    for (let read = 0; read < 128; read++) {
      mem.readLock(lock);
      mem.readUnlock(lock);
    }
    expect(mem.lockTimes(lock)).toMatchObject({ reads: 128, readSamplesMs: [1, 1] });
  });

  it('go on being sampled after a section inside another one', () => {
    const { mem, lock, other } = clocked();
    for (let read = 0; read < 64; read++) {
      mem.readLock(lock);
      mem.readLock(other);
      mem.readUnlock(other);
      mem.readUnlock(lock);
    }
    expect(mem.lockTimes(lock).reads + mem.lockTimes(other).reads).toBe(128);
  });

  it('are kept apart for each lock', () => {
    const { mem, lock, other } = clocked();
    mem.writeLock(lock);
    mem.writeUnlock(lock);
    expect(mem.lockTimes(other)).toMatchObject({ writes: 0, writtenMs: 0 });
  });

  it('are not taken without a clock', () => {
    const mem = createAlone({ threads: 1, words: 64, frames: 0, frameBytes: 64, ram: 0 });
    const lock = mem.memory.map.wordsAt;
    mem.writeLock(lock);
    mem.writeUnlock(lock);
    expect(mem.lockTimes(lock)).toMatchObject({ writes: 0, waits: 0, reads: 0 });
  });
});
