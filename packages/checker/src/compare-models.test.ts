import { WAIT_WOKEN } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { compareModels } from './compare-models.ts';
import type { Program } from './program.ts';

const X = 64;
const Y = 128;

/** Store buffering: each stores one word and loads the other. */
const sb = (fenced: readonly ('left' | 'right')[]): Program => ({
  name: 'SB',
  threads: {
    left: (mem) => {
      mem.storePlain32(X, 1);
      if (fenced.includes('left')) mem.fence();
      return mem.load32(Y);
    },
    right: (mem) => {
      mem.storePlain32(Y, 1);
      if (fenced.includes('right')) mem.fence();
      return mem.load32(X);
    },
  },
  observe: (_, { left, right }) => `${left} ${right}`,
});

describe('store buffering, compared between sc and x86-TSO', () => {
  const difference = compareModels(sb([]));

  it('has one outcome that only store buffers make possible', () => {
    expect(difference.onlyTso).toEqual(['"0 0"']);
  });

  it('needs a fence after both stores, and no more', () => {
    expect(difference.fences?.map(({ function: name, verb }) => [name, verb])).toEqual([
      ['left', 'store32'],
      ['right', 'store32'],
    ]);
  });

  it('still has it with a fence on one side, which then needs the other', () => {
    const { onlyTso, fences } = compareModels(sb(['left']));
    expect([onlyTso, fences?.length]).toEqual([['"0 0"'], 1]);
  });

  it('is not compared when the budget ends', () => {
    const { fences, stopped } = compareModels(sb([]), { budget: { states: 5 } });
    expect([fences, stopped]).toEqual([undefined, '5 states']);
  });

  it('has nothing of its own with both', () => {
    const { onlyTso, fences } = compareModels(sb(['left', 'right']));
    expect([onlyTso, fences]).toEqual([[], []]);
  });
});

describe('a lock that is released by a plain store', () => {
  const counter: Program = {
    name: 'counter',
    threads: Object.fromEntries(
      ['a', 'b'].map((name) => [
        name,
        (mem) => {
          mem.lock(X);
          mem.storePlain32(Y, mem.load32(Y) + 1);
          mem.unlock(X);
        },
      ]),
    ),
    finally: { 'nothing is lost': (mem) => mem.load32(Y) === 2 },
  };

  it('still protects what it guards, because buffers are emptied in order', () => {
    expect(check(counter, { model: 'tso' }).verdict).toBe('holds');
  });
});

describe('a thread that sleeps until another has stored', () => {
  const handover = (notifies: boolean): Program => ({
    name: 'handover',
    threads: {
      waiter: (mem) => mem.wait(X, 0),
      waker: (mem) => {
        mem.storePlain32(X, 1);
        if (notifies) mem.notify(X);
      },
    },
  });

  it('is woken under tso too, because a notify empties the buffer first, as a futex does', () => {
    expect(check(handover(true), { model: 'tso' }).verdict).toBe('holds');
  });

  it('may find the value there, or be woken', () => {
    const results = new Set<unknown>();
    check({ ...handover(true), observe: (_, { waiter }) => results.add(waiter) }, { model: 'sc' });
    expect([...results].sort()).toEqual([WAIT_WOKEN, 1]);
  });

  it('sleeps for ever without a notify', () => {
    expect(check(handover(false)).violation?.fault).toBe('lost wakeup');
  });
});
