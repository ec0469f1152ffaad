import { describe, expect, it } from 'vitest';
import { connectThread, createSharedMemory } from './threads.ts';

const size = { threads: 2, words: 64, frames: 0, frameBytes: 64, ram: 4 };

describe('A memory for threads', () => {
  it('is shared, guest memory and words', () => {
    const { words, ram } = createSharedMemory(size);
    expect(words.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(ram.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('is one memory, seen from each of its threads', () => {
    const memory = createSharedMemory(size);
    const [one, other] = [connectThread(memory, 0), connectThread(memory, 1)];
    one.store64(memory.map.wordsAt, 1, 2);
    one.guestStore(3, 4);
    expect([other.load64(memory.map.wordsAt), other.high, other.guestLoad(3)]).toEqual([1, 2, 4]);
  });

  it('keeps a latch for each of its threads', () => {
    const memory = createSharedMemory(size);
    const [one, other] = [connectThread(memory, 0), connectThread(memory, 1)];
    one.store64(memory.map.wordsAt, 1, 2);
    one.load64(memory.map.wordsAt);
    other.load64(memory.map.wordsAt + 8);
    expect([one.low, one.high, other.low, other.high]).toEqual([1, 2, 0, 0]);
  });

  it.each([2, -1, 0.5])('has no thread %d', (thread) => {
    expect(() => connectThread(createSharedMemory(size), thread)).toThrow(
      new RangeError(
        `expected a thread below 2, got ${thread}; usual cause: a memory made for fewer threads`,
      ),
    );
  });

  it('says how much was asked for when the host does not give it', () => {
    expect(() => createSharedMemory({ ...size, ram: 2 ** 50 })).toThrow(
      'expected 4194304.00 GiB of shared memory, which this host does not give',
    );
  });
});
