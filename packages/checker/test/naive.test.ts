import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { enumerate } from './naive.ts';

const X = 0x100;
const Y = 0x104;
const M = 0x108;

describe('The naive enumeration', () => {
  const storeThenLoad = (own: number, other: number) => (mem: Shared) => {
    mem.storePlain32(own, 1);
    return mem.load32(other);
  };
  const sb = { name: 'SB', threads: { A: storeThenLoad(X, Y), B: storeThenLoad(Y, X) } };

  it('takes two threads of two steps through all six interleavings', () => {
    expect(enumerate(sb).executions).toBe(6);
  });

  it('finds three ends of SB under sc and four under tso', () => {
    expect([enumerate(sb).ends.length, enumerate(sb, { model: 'tso' }).ends.length]).toEqual([
      3, 4,
    ]);
  });

  it('loses no increment of add, and one of load and store', () => {
    const add = (mem: Shared) => void mem.add32(X, 1);
    const loadStore = (mem: Shared) => mem.store32(X, mem.load32(X) + 1);
    const ends = (body: (mem: Shared) => void) =>
      enumerate({ name: 'two', threads: { A: body, B: body } }).ends;
    expect([ends(add).length, ends(loadStore).length]).toEqual([1, 2]);
  });

  it('carries from the low half of a 64-bit word to the high one', () => {
    const body = (mem: Shared) => {
      mem.store64(X, -1, 1);
      mem.add64(X, 1, 0);
      return [mem.load64(X), mem.high];
    };
    expect(enumerate({ name: 'carry', threads: { A: body } }).ends).toEqual([
      '0x100=0 0x104=2 A:[0,2]',
    ]);
  });

  it('finds the deadlock of two mutexes in opposite order', () => {
    const both = (first: number, second: number) => (mem: Shared) => {
      mem.lock(first);
      mem.lock(second);
      mem.unlock(second);
      mem.unlock(first);
    };
    const { deadlock } = enumerate({ name: 'ABBA', threads: { A: both(X, M), B: both(M, X) } });
    expect(deadlock).toBe(true);
  });

  it('loses a wakeup when nobody notifies, and none when somebody does', () => {
    const waits = (mem: Shared) => mem.waitUntil(X, -1, 1);
    const sets = (mem: Shared) => mem.store32(X, 1);
    const setsAndNotifies = (mem: Shared) => {
      mem.store32(X, 1);
      return mem.notify(X);
    };
    const found = (other: (mem: Shared) => unknown) =>
      enumerate({ name: 'wakeup', threads: { A: waits, B: other } });
    expect([found(sets).deadlock, found(setsAndNotifies).deadlock]).toEqual([true, false]);
  });

  it('lets a wait of some milliseconds run out', () => {
    const { ends, deadlock } = enumerate({
      name: 'timeout',
      threads: { A: (mem: Shared) => mem.wait(X, 0, 1) },
    });
    expect({ ends, deadlock }).toEqual({ ends: ['A:2'], deadlock: false });
  });

  it('answers a notify how many it woke', () => {
    const threads = {
      A: (mem: Shared) => mem.wait(X, 0, 1),
      B: (mem: Shared) => mem.notify(X, 1),
    };
    const { ends } = enumerate({ name: 'woken', threads });
    expect(ends).toEqual(['A:0 B:1', 'A:2 B:0']);
  });
});
