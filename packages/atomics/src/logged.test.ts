import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apply, wordOperations } from '../test/plain-words.ts';
import { createAlone } from './alone.ts';
import { answer, drive, ReplayError, record, type Step } from './logged.ts';
import { formatOperation, type Verb } from './operation.ts';
import type { Shared } from './shared.ts';

const memory = () => createAlone({ threads: 2, words: 256, frames: 2, frameBytes: 64, ram: 4 });
const AT = memory().memory.map.wordsAt;
const FRAME = memory().alloc();

/** Every verb, on a memory where none of them sleeps; answers what the body can see of it. */
const everyVerb: Record<
  Exclude<Verb, 'xor32' | 'xor64'> | 'storePlain32' | 'storePlain64',
  (mem: Shared) => unknown
> = {
  load32: (mem) => mem.load32(AT),
  store32: (mem) => mem.store32(AT, -2),
  storePlain32: (mem) => mem.storePlain32(AT, -3),
  xchg32: (mem) => mem.xchg32(AT, 4),
  cmpxchg32: (mem) => [mem.cmpxchg32(AT, 4, 5), mem.low, mem.high, mem.cmpxchg32(AT, 4, 6)],
  or32: (mem) => mem.or32(AT, 8),
  and32: (mem) => mem.and32(AT, -2),
  add32: (mem) => mem.add32(AT, -7),
  load64: (mem) => [mem.load64(AT), mem.low, mem.high],
  store64: (mem) => mem.store64(AT, -2, 3),
  storePlain64: (mem) => mem.storePlain64(AT, -3, 4),
  xchg64: (mem) => [mem.xchg64(AT, 5, -6), mem.low, mem.high],
  cmpxchg64: (mem) => [mem.cmpxchg64(AT, 5, -6, 7, 8), mem.low, mem.high],
  or64: (mem) => [mem.or64(AT, 8, 1), mem.low, mem.high],
  and64: (mem) => [mem.and64(AT, -2, -1), mem.low, mem.high],
  add64: (mem) => [mem.add64(AT, -1, -1), mem.low, mem.high],
  fence: (mem) => mem.fence(),
  wait: (mem) => [mem.wait(AT, 1234), mem.wait(AT, mem.load32(AT), 0)],
  notify: (mem) => [mem.notify(AT), mem.notify(AT, 1)],
  lock: (mem) => mem.lock(AT + 8),
  unlock: (mem) => mem.unlock(AT + 8),
  readLock: (mem) => mem.readLock(AT + 12),
  readUnlock: (mem) => mem.readUnlock(AT + 12),
  writeLock: (mem) => mem.writeLock(AT + 12),
  writeUnlock: (mem) => mem.writeUnlock(AT + 12),
  waitUntil: (mem) => mem.waitUntil(AT + 16, -1, 0),
  waitWhile: (mem) => mem.waitWhile(AT + 16, 1),
  enterRead: (mem) => mem.enterRead(),
  exitRead: (mem) => mem.exitRead(),
  synchronize: (mem) => mem.synchronize(),
  alloc: (mem) => mem.alloc(),
  free: (mem) => mem.free(FRAME),
  guestStore: (mem) => mem.guestStore(1, -9),
  guestLoad: (mem) => mem.guestLoad(1),
  guestStore8: (mem) => mem.guestStore8(5, 0x1ff),
  guestLoad8: (mem) => [4, 5, 6, 7].map((index) => mem.guestLoad8(index)),
  guestStore16: (mem) => mem.guestStore16(3, 0x1_8001),
  guestLoad16: (mem) => [2, 3].map((index) => mem.guestLoad16(index)),
  guestAdd32: (mem) => [mem.guestAdd32(1, 7), mem.guestLoad(1)],
  guestOr32: (mem) => [mem.guestOr32(1, 1 << 31), mem.guestLoad(1)],
  guestAnd32: (mem) => [mem.guestAnd32(1, 0xffff), mem.guestLoad(1)],
  guestXchg32: (mem) => [mem.guestXchg32(1, -3), mem.guestLoad(1)],
  guestCmpxchg32: (mem) => [mem.guestCmpxchg32(1, -3, 4), mem.guestCmpxchg32(1, -3, 5)],
};
const allVerbs = (mem: Shared): unknown[] => Object.values(everyVerb).map((verb) => verb(mem));

/** The line of this file that a stack trace names first. */
const lineOf = (stack = ''): number => Number(/logged\.test\.ts:(\d+)/.exec(stack)?.[1]);

const step = (verb: Verb, args: number[] = [], low = 0): Step => ({
  operation: { verb, object: 'words', address: AT, bytes: 4, order: 'seqcst', args },
  answer: { low, high: 0 },
});

describe('A recorded body', () => {
  it('sees, at every verb, what it would have seen on the memory itself', () => {
    expect(record(allVerbs, memory()).result).toEqual(allVerbs(memory()));
  });

  it('leaves the memory as it would have', () => {
    const [direct, recorded] = [memory(), memory()];
    allVerbs(direct);
    record(allVerbs, recorded);
    expect(recorded.memory.ram).toEqual(direct.memory.ram);
    const bytes = ({ memory }: typeof direct) => new Int32Array(memory.words.buffer, AT);
    expect(bytes(recorded)).toEqual(bytes(direct));
  });

  it('ends with the same result when answered from its log', () => {
    const { result, log } = record(allVerbs, memory());
    expect(answer(allVerbs, log)).toEqual({ state: 'ended', result });
  });

  it('does the same operations when answered from its log, whatever they are', () => {
    const mem = memory();
    fc.assert(
      fc.property(wordOperations, (operations) => {
        const body = (mem: Shared) => operations.map((operation) => apply(mem, AT, operation));
        const { result, log } = record(body, mem);
        expect(log).toHaveLength(operations.length);
        expect(answer(body, log)).toEqual({ state: 'ended', result });
      }),
    );
  });

  it('tells its listener while it runs', () => {
    const mem = memory();
    const heard: string[] = [];
    mem.emit = ({ event }) => heard.push(event);
    record((mem) => mem.emit?.({ event: 'here' }), mem);
    expect(heard).toEqual(['here']);
  });
});

describe('A body run over part of its log', () => {
  const body = (mem: Shared) => mem.load32(AT) + mem.add32(AT, 5);

  it('is pending at the first operation without an answer', () => {
    const run = answer(body, [step('load32', [], 3)]);
    expect(run).toMatchObject({
      state: 'pending',
      operation: { verb: 'add32', object: 'words', address: AT, bytes: 4, args: [5] },
    });
  });

  it('computes with the answers of the log', () => {
    const log = [step('load32', [], 3), step('add32', [5], 4)];
    expect(answer(body, log)).toEqual({ state: 'ended', result: 7 });
  });

  it('names the line where it stopped', () => {
    const here = lineOf(new Error().stack);
    const run = answer((mem) => mem.load32(AT), []);
    expect(lineOf(run.state === 'pending' ? run.site : '')).toBe(here + 1);
  });

  it('answers the exception that it threw by itself', () => {
    const error = new Error('its own');
    const run = answer(() => {
      throw error;
    }, []);
    expect(run).toEqual({ state: 'threw', error });
  });

  it('runs as the thread it is told to be', () => {
    expect(answer((mem) => mem.thread, [], { thread: 3 })).toMatchObject({ result: 3 });
  });

  it('marks what need not be in order: guest memory and plain stores', () => {
    const plain = (body: (mem: Shared) => void) => {
      const run = answer(body, []);
      return run.state === 'pending' && run.operation.order;
    };
    expect(plain((mem) => mem.guestStore(0, 1))).toBe('plain');
    expect(plain((mem) => mem.storePlain64(AT, 1, 1))).toBe('plain');
    expect(plain((mem) => mem.store64(AT, 1, 1))).toBe('seqcst');
  });
});

describe('A body that catches what stops it', () => {
  const stubborn = (mem: Shared) => {
    try {
      return mem.load32(AT);
    } catch {
      return mem.load32(AT + 4);
    } finally {
      mem.store32(AT + 8, 1);
    }
  };

  it('is pending at the operation that stopped it all the same', () => {
    const pending = { state: 'pending', operation: { verb: 'load32', address: AT } };
    expect(answer(stubborn, [])).toMatchObject(pending);
  });

  it('is pending even when it returns', () => {
    const swallow = (mem: Shared) => {
      try {
        mem.load32(AT);
      } catch {}
      return 'done';
    };
    expect(answer(swallow, [])).toMatchObject({ state: 'pending' });
  });

  it('still does everything when driven', () => {
    const mem = memory();
    mem.store32(AT, 9);
    expect(drive(stubborn, mem)).toBe(9);
    expect(mem.load32(AT + 8)).toBe(1);
  });

  it('tells its listener nothing that it did not come to', () => {
    const heard: string[] = [];
    const body = (mem: Shared) => {
      try {
        mem.load32(AT);
      } finally {
        mem.emit?.({ event: 'left' });
      }
    };
    answer(body, [], { emit: ({ event }) => heard.push(event) });
    expect(heard).toEqual([]);
  });

  it('cannot hide that it strayed', () => {
    const body = (mem: Shared) => {
      try {
        mem.load32(AT);
      } catch {
        return 'fine';
      }
    };
    expect(() => answer(body, [step('add32', [1])])).toThrow(ReplayError);
  });
});

describe('A body that strays from its log', () => {
  it('is reported with both operations when it keeps state outside itself', () => {
    let runs = 0;
    const body = (mem: Shared) => {
      runs++;
      return runs === 1 ? mem.load32(0x1000) : mem.add32(0x1004, 7);
    };
    const { log } = record(body, memory());
    expect(() => answer(body, log)).toThrow(
      /^operation 0: expected load32\(0x1000\) as in the log, got add32\(0x1004, 7\); usual cause: the body keeps state outside itself/,
    );
  });

  it('is reported when it ends early', () => {
    const log = [step('load32'), step('store32', [1])];
    const body = (mem: Shared) => mem.load32(AT);
    expect(() => answer(body, log)).toThrow(/^operation 1: .*store32\(.*, got the end of the body/);
  });

  it('is reported when it throws early', () => {
    const body = () => {
      throw new Error('its own');
    };
    expect(() => answer(body, [step('load32')])).toThrow(ReplayError);
  });

  it('is reported when it is the value alone that differs', () => {
    const body = (mem: Shared) => mem.store32(AT, 2);
    expect(() => answer(body, [step('store32', [1])])).toThrow(ReplayError);
  });

  it('is reported when a store has become plain, by both names', () => {
    const body = (mem: Shared) => mem.storePlain32(0x1000, 1);
    const { log } = record((mem) => mem.store32(0x1000, 1), memory());
    expect(() => answer(body, log)).toThrow(
      'expected store32(0x1000, 1) as in the log, got storePlain32(0x1000, 1)',
    );
  });
});

describe('A driven body', () => {
  it('does what it does on the memory itself', () => {
    expect(drive(allVerbs, memory())).toEqual(allVerbs(memory()));
  });

  it('throws what it throws', () => {
    const body = (mem: Shared) => {
      mem.load32(AT);
      throw new RangeError('its own');
    };
    expect(() => drive(body, memory())).toThrow(new RangeError('its own'));
  });

  it('is caught when it depends on how often it has run', () => {
    let runs = 0;
    expect(() => drive((mem) => mem.add32(AT, runs++), memory())).toThrow(ReplayError);
  });
});

describe('An operation, printed', () => {
  it('reads as it is called', () => {
    const { operation } = step('cmpxchg32', [-1, 2]);
    expect(formatOperation({ ...operation, address: 0x1000 })).toBe('cmpxchg32(0x1000, -1, 2)');
  });
});
