// Steps that touch different words commute, but what a property sees between them does not: dpor must not cut the order that
// shows it.
import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import type { Body, Program, Property } from '../src/program.ts';
import type { Search } from '../src/verdict.ts';

const X = 0x100;
const Y = 0x104;

const sets =
  (address: number): Body =>
  (mem) =>
    mem.store32(address, 1);
const threads = { 'sets x': sets(X), 'sets y': sets(Y) };

/** x and y are so; y is looked at only where x is. */
const are =
  (x: number, y: number): Property =>
  (mem) =>
    mem.load32(X) === x && mem.load32(Y) === y;
const not =
  (property: Property): Property =>
  (mem) =>
    !property(mem);

describe.each<Search>(['dpor', 'states', 'preemptions'])('Search %s', (search) => {
  // Whichever thread is tried first.
  describe.each([
    ['x first', ['sets x', 'sets y']],
    ['y first', ['sets y', 'sets x']],
  ])('%s', (_, order) => {
    const verdictOf = (properties: Pick<Program, 'always' | 'sometimes'>) => {
      const { verdict, violation } = check(
        { name: 'two words', threads, ...properties },
        { search, order },
      );
      return { verdict, fault: violation?.fault };
    };
    const holds = { verdict: 'holds', fault: undefined };

    it.each([
      [0, 1],
      [1, 0],
    ])('sees that x = %d and y = %d is not ruled out', (x, y) => {
      const always = { 'not so': not(are(x, y)) };
      expect(verdictOf({ always })).toEqual({ verdict: 'violated', fault: 'always' });
    });

    it.each([
      [0, 1],
      [1, 0],
      [0, 0],
      [1, 1],
    ])('reaches x = %d and y = %d', (x, y) => {
      expect(verdictOf({ sometimes: { so: are(x, y) } })).toEqual(holds);
    });

    it('reaches one state of each of two properties', () => {
      expect(verdictOf({ sometimes: { one: are(0, 1), other: are(1, 0) } })).toEqual(holds);
    });

    it('rules out what no order shows', () => {
      expect(verdictOf({ always: { small: not(are(2, 1)) } })).toEqual(holds);
    });
  });
});

describe('A cmpxchg that fails in one order and wins in the other', () => {
  const program: Program = {
    name: 'cmpxchg',
    threads: {
      one: (mem: Shared) => mem.cmpxchg32(X, 0, 1),
      other: (mem: Shared) => mem.cmpxchg32(X, 1, 2),
      third: (mem: Shared) => mem.cmpxchg32(X, 2, 3),
    },
  };

  it('has the ends that the search of all states finds', () => {
    const [dpor, states] = (['dpor', 'states'] as const).map(
      (search) => check(program, { search }).ends,
    );
    expect(dpor).toEqual(states);
  });
});

describe('A wait that may time out', () => {
  const program: Program = {
    name: 'timeout',
    threads: {
      waker(mem: Shared) {
        mem.store32(X, 1);
        return mem.notify(X);
      },
      sleeper: (mem: Shared) => mem.wait(X, 0, 5),
    },
  };

  it.each([
    ['waker first', ['waker', 'sleeper']],
    ['sleeper first', ['sleeper', 'waker']],
  ])('is woken, or is not, or need not sleep: %s', (_, order) => {
    const { ends } = check(program, { search: 'dpor', order });
    expect(ends.map((end) => end.replace(/^.*?waker/, 'waker'))).toEqual([
      'waker:0 sleeper:1',
      'waker:0 sleeper:2',
      'waker:1 sleeper:0',
    ]);
  });
});
