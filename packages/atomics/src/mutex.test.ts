import { describe, expect, it } from 'vitest';
import { type Body, everyInterleaving } from '../test/interleavings.ts';
import * as mutex from './mutex.ts';
import type { Shared } from './shared.ts';

const LOCK = 64;
const COUNT = 128;

/** Adds one to a counter by a load and a store, and answers what it stored last. */
const countTo =
  (sections: number, lock = (mem: Shared) => mem.lock(LOCK)): Body =>
  (mem) => {
    let stored = 0;
    for (let section = 0; section < sections; section++) {
      lock(mem);
      stored = mem.load32(COUNT) + 1;
      mem.store32(COUNT, stored);
      mem.unlock(LOCK);
    }
    return stored;
  };

/** The classic mistake: whoever has slept forgets that others may sleep still. */
const lockAsHeld = (mem: Shared): void => {
  if (mutex.tryLock(mem, LOCK)) return;
  const [held, contended] = [1, 2];
  for (;;) {
    if (mem.cmpxchg32(LOCK, held, contended) || mem.low === contended) mem.wait(LOCK, contended);
    if (mutex.tryLock(mem, LOCK)) return;
  }
};

describe('A mutex, in every interleaving', () => {
  it('lets one thread in at a time: three that count lose nothing', () => {
    const { ends, deadlock } = everyInterleaving(countTo(1), countTo(1), countTo(1));
    const counts = ends.map((end) => JSON.parse(end).sort().join());
    expect([deadlock, ...new Set(counts)]).toEqual([false, '1,2,3']);
  });

  it('serves two threads that come again', () => {
    const { ends, deadlock } = everyInterleaving(countTo(2), countTo(2));
    const counts = ends.map((end) => Math.max(...JSON.parse(end)));
    expect([deadlock, ...new Set(counts)]).toEqual([false, 4]);
  });

  it('leaves a thread asleep, if whoever has slept takes it as merely held', () => {
    const body = countTo(1, lockAsHeld);
    expect(everyInterleaving(body, body, body).deadlock).toBe(true);
  });
});
