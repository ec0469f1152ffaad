import { describe, expect, it } from 'vitest';
import { type Body, everyInterleaving } from '../test/interleavings.ts';
import { createAlone } from './alone.ts';
import {
  MODE_STATE,
  type Mode,
  makeRequest,
  modeOf,
  REQUEST_QUIESCE,
  setMode,
  synchronize,
  takeRequests,
} from './grace-period.ts';
import { modeAddress, requestsAddress, seamMap } from './seam-map.ts';
import type { Shared } from './shared.ts';

const OUTSIDE = 0;
const INSIDE = 1;
const READER = 0;
const map = seamMap({ threads: 3, words: 128, frames: 0, frameBytes: 64, ram: 0 });

/** Each writer unlinks an object of its own, and frees it after `waitFor`. */
const unlinked = (writer: number): number => map.wordsAt + 8 * writer;
const freed = (writer: number): number => unlinked(writer) + 4;
const freeAfter =
  (waitFor: (mem: Shared) => void): Body =>
  (mem) => {
    mem.store32(unlinked(mem.thread), 1);
    waitFor(mem);
    mem.store32(freed(mem.thread), 1);
  };
const free = freeAfter((mem) => synchronize(mem, map));

const enter = (mem: Shared, mode: Mode): void => {
  while (setMode(mem, mode, INSIDE) !== 0) takeRequests(mem, mode);
};
const poll = (mem: Shared, mode: Mode): void => {
  if (mem.load32(mode.requests) !== 0) enter(mem, mode);
};
/** Whether an object that was reached is free already. */
const isDangling = (mem: Shared, writer: number): boolean =>
  mem.load32(unlinked(writer)) === 0 && mem.load32(freed(writer)) === 1;

interface Course {
  readonly writers: readonly number[];
  readonly sections?: number;
  readonly polls?: number;
}
/** Answers whether it ever held an object that was freed. */
const reader =
  ({ writers, sections = 1, polls = 0 }: Course): Body =>
  (mem) => {
    const mode = modeOf(READER);
    let dangling = false;
    for (let section = 0; section < sections; section++) {
      enter(mem, mode);
      for (let look = 0; look <= polls; look++) {
        if (look > 0) poll(mem, mode);
        for (const writer of writers) dangling = isDangling(mem, writer) || dangling;
      }
      setMode(mem, mode, OUTSIDE);
    }
    return dangling;
  };
const idle: Body = () => undefined;
const safe = { deadlock: false, ends: ['[false,null,null]'] };

describe('A grace period, in every interleaving', () => {
  it('ends, and only when the reader has let go', () => {
    const body = reader({ writers: [1], polls: 2 });
    expect(everyInterleaving(body, free, idle)).toMatchObject(safe);
  });

  it('does so when the reader leaves and enters again', () => {
    const body = reader({ writers: [1], polls: 1, sections: 2 });
    expect(everyInterleaving(body, free, idle)).toMatchObject(safe);
  });

  it('does so when two writers wait for the same reader', () => {
    const body = reader({ writers: [1, 2] });
    expect(everyInterleaving(body, free, free)).toMatchObject(safe);
  });

  it('is too short, if the writer looks at the mode before it unlinks', () => {
    const early: Body = (mem) => {
      synchronize(mem, map);
      mem.store32(unlinked(1), 1);
      mem.store32(freed(1), 1);
    };
    const { ends } = everyInterleaving(reader({ writers: [1] }), early, idle);
    expect(ends).toContain('[true,null,null]');
  });

  it('never ends, if the writer overlooks a reader that has taken the request already', () => {
    const trusting = freeAfter((mem) => {
      makeRequest(mem, READER, REQUEST_QUIESCE);
      const mode = mem.load32(modeAddress(READER));
      if ((mode & MODE_STATE) !== OUTSIDE) mem.waitWhile(modeAddress(READER), mode);
    });
    const body = reader({ writers: [1], polls: 1 });
    expect(everyInterleaving(body, trusting, idle).deadlock).toBe(true);
  });

  it('never ends, if the reader takes the request and wakes nobody', () => {
    const careless: Body = (mem) => {
      const mode = modeOf(READER);
      while (setMode(mem, mode, INSIDE) !== 0) mem.xchg32(requestsAddress(READER), 0);
      setMode(mem, mode, OUTSIDE);
    };
    expect(everyInterleaving(careless, free, idle).deadlock).toBe(true);
  });
});

describe('A thread that is outside', () => {
  const alone = () => createAlone({ ...map });

  it('is not waited for', () => {
    const mem = alone();
    setMode(mem, modeOf(1), INSIDE);
    setMode(mem, modeOf(1), OUTSIDE);
    expect(() => mem.synchronize()).not.toThrow();
  });

  it('finds the request when it enters', () => {
    const mem = alone();
    mem.synchronize();
    expect(setMode(mem, modeOf(1), INSIDE)).toBe(REQUEST_QUIESCE);
  });

  it('takes each request once', () => {
    const mem = alone();
    const mode = modeOf(1);
    makeRequest(mem, 1, 0b110);
    expect([takeRequests(mem, mode), takeRequests(mem, mode)]).toEqual([0b110, 0]);
  });
});

describe('A mode word', () => {
  it('never comes back, whatever states it goes through', () => {
    const mem = createAlone({ ...map });
    const mode = modeOf(1);
    const words = [INSIDE, OUTSIDE, 3, INSIDE, INSIDE, OUTSIDE].map((state) => {
      setMode(mem, mode, state);
      return mem.load32(modeAddress(1));
    });
    expect(new Set(words).size).toBe(words.length);
    expect(words.map((word) => word & MODE_STATE)).toEqual([1, 0, 3, 1, 1, 0]);
  });
});
