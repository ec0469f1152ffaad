import { describe, expect, it } from 'vitest';
import { impatient } from '../test/impatient.ts';
import { findDamage } from './frame-pool.ts';
import type { Shared } from './shared.ts';
import { connectThread, createSharedMemory } from './threads.ts';

const FRAMES = 100;
const memory = () => {
  const shared = createSharedMemory({
    threads: 2,
    words: 64,
    frames: FRAMES,
    frameBytes: 64,
    ram: 0,
  });
  const mem = impatient(connectThread(shared, 0));
  const other = impatient(connectThread(shared, 1));
  return { map: shared.map, mem, other };
};
const takeAll = (mem: Shared) => Array.from({ length: FRAMES }, () => mem.alloc());

describe('The frames of a fresh memory', () => {
  it('can all be had, each once', () => {
    expect(new Set(takeAll(memory().mem)).size).toBe(FRAMES);
  });

  it('are undamaged', () => {
    const { mem, map } = memory();
    expect(findDamage(mem, map)).toBeUndefined();
  });
});

describe('A frame that a thread gives back', () => {
  it('can be had by another thread, at the latest when the first disconnects', () => {
    const { mem, other } = memory();
    const frames = takeAll(mem);
    for (const frame of frames) mem.free(frame);
    mem.disconnect();
    const again = takeAll(other);
    expect(again.sort()).toEqual(frames.sort());
  });

  it('does not stay with the thread when it has many', () => {
    const { mem, other } = memory();
    for (const frame of takeAll(mem)) mem.free(frame);
    expect(() => other.alloc()).not.toThrow();
  });

  it('is undamaged while nobody writes to it', () => {
    const { mem, map } = memory();
    const frame = mem.alloc();
    mem.store64(frame, 1, 2);
    mem.free(frame);
    mem.disconnect();
    expect(findDamage(mem, map)).toBeUndefined();
  });

  it.each([0, 4, 56, 60])('is found when somebody writes to its byte %d later', (offset) => {
    const { mem, other, map } = memory();
    const frame = mem.alloc();
    mem.free(frame);
    mem.disconnect();
    other.xchg32(frame + offset, 0);
    expect(findDamage(mem, map)).toBe(frame);
  });
});
