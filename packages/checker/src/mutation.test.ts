// Small programs of which it is known beforehand which operations matter: their mutants must fail as foreseen, the others live.
import type { Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check, mutants, replaySchedule } from './check.ts';
import type { Mutant } from './mutation.ts';
import type { CheckOptions } from './options.ts';
import type { Program } from './program.ts';

const X = 0x100;
const Y = 0x108;
const LOCK = 0x110;

const nameOf = ({ kind, verb, function: within }: Mutant): string => `${kind} ${verb} ${within}`;

/** By mutant, what its check says. */
function fates(program: Program, options: CheckOptions = {}): Record<string, string> {
  return Object.fromEntries(
    mutants(program, options).map((mutant) => {
      const { verdict, violation, budget } = check(program, { ...options, mutant });
      const fault = violation && `${violation.fault}: ${violation.property}`;
      return [nameOf(mutant), fault ?? (budget === undefined ? verdict : 'never ends')];
    }),
  );
}

function increments(mem: Shared): void {
  mem.lock(LOCK);
  mem.store32(X, mem.load32(X) + 1);
  mem.unlock(LOCK);
}
const counting: Program = {
  name: 'counting',
  threads: { a: increments, b: increments },
  finally: { 'both count': (mem) => mem.load32(X) === 2 },
};

describe('two threads that count under a lock', () => {
  it('lose a count without the lock, without the store, or with the store after the unlock', () => {
    expect(fates(counting)).toEqual({
      'skip lock increments': 'finally: both count',
      'skip store32 increments': 'finally: both count',
      'delay store32 increments': 'finally: both count',
    });
  });

  it('need no lock where they add in one step', () => {
    function adds(mem: Shared): void {
      mem.lock(LOCK);
      mem.add32(X, 1);
      mem.unlock(LOCK);
    }
    expect(fates({ ...counting, threads: { a: adds, b: adds } })).toEqual({
      'skip lock adds': 'holds',
      'skip add32 adds': 'finally: both count',
      'split add32 adds': 'holds',
    });
  });
});

describe('a thread that waits for another to say that its word is there', () => {
  const program: Program = {
    name: 'message',
    threads: {
      reader: function reads(mem) {
        mem.waitUntil(X, -1, 1);
        return mem.load32(Y);
      },
      writer(mem) {
        writes(mem);
        says(mem);
      },
    },
    finally: { 'the word is read': (_, { reader }) => reader === 5 },
  };
  const writes = (mem: Shared): void => mem.store32(Y, 5);
  function says(mem: Shared): void {
    mem.store32(X, 1);
    mem.notify(X);
  }

  it('reads too early or sleeps on without any one of the steps', () => {
    const asleep = expect.stringMatching(/^(lost wakeup|deadlock): reader /);
    expect(fates(program)).toEqual({
      'skip waitUntil reads': 'finally: the word is read',
      'skip store32 writes': 'finally: the word is read',
      'delay store32 writes': 'finally: the word is read',
      'skip store32 says': asleep,
      'delay store32 says': asleep,
      'skip notify says': asleep,
    });
  });
});

describe('two threads that raise a flag and look at the other', () => {
  const enters = (mine: number, other: number) =>
    function looks(mem: Shared): boolean {
      mem.store32(mine, 1);
      return mem.load32(other) === 0;
    };
  const program: Program = {
    name: 'flags',
    threads: { a: enters(X, Y), b: enters(Y, X) },
    finally: { 'not both enter': (_, { a, b }) => !(a === true && b === true) },
  };

  it('both enter when the flag goes up after the look, or not at all', () => {
    expect(fates(program)).toEqual({
      'skip store32 looks': 'finally: not both enter',
      'delay store32 looks': 'finally: not both enter',
    });
  });
});

describe('two threads that set a bit each', () => {
  const sets = (bit: number) =>
    function marks(mem: Shared): void {
      mem.or32(X, bit);
    };
  const bits: Program = {
    name: 'bits',
    threads: { a: sets(1), b: sets(2) },
    finally: { 'both bits are set': (mem) => mem.load32(X) === 3 },
  };

  it('lose one when the or is a load and a store', () => {
    expect(fates(bits)).toEqual({
      'skip or32 marks': 'finally: both bits are set',
      'split or32 marks': 'finally: both bits are set',
    });
  });

  it('lose none when one ends before the other begins', () => {
    const threads = {
      a(mem: Shared): void {
        sets(1)(mem);
        sets(2)(mem);
      },
    };
    expect(fates({ ...bits, threads })).toMatchObject({ 'split or32 marks': 'holds' });
  });
});

describe('a compare of 64 bits whose low half comes back', () => {
  const program: Program = {
    name: 'halves',
    threads: {
      winner: function exchanges(mem) {
        mem.cmpxchg64(X, 7, 0, 9, 0);
      },
      other: function renews(mem) {
        mem.store64(X, 7, 1);
      },
    },
    setup: (mem) => mem.store64(X, 7, 0),
    finally: { 'what is renewed stays': (mem) => mem.load64(X) === 7 && mem.high === 1 },
  };

  it('wins wrongly when it looks at the low half alone', () => {
    expect(fates(program)).toEqual({
      'skip cmpxchg64 exchanges': 'holds',
      'split cmpxchg64 exchanges': 'finally: what is renewed stays',
      'half cmpxchg64 exchanges': 'finally: what is renewed stays',
      'skip store64 renews': 'finally: what is renewed stays',
      'delay store64 renews': 'holds',
    });
  });
});

describe('an operation that nothing depends on', () => {
  it('may be left out: a fence where no store is plain, a notify where nobody sleeps', () => {
    const program: Program = {
      name: 'needless',
      threads: {
        a: function needless(mem) {
          mem.fence();
          mem.notify(X);
        },
        b: (mem) => mem.load32(X),
      },
    };
    expect(fates(program)).toEqual({
      'skip fence needless': 'holds',
      'skip notify needless': 'holds',
    });
  });

  it('is not the fence between a plain store and a look, under tso', () => {
    const enters = (mine: number, other: number) =>
      function fenced(mem: Shared): boolean {
        mem.storePlain32(mine, 1);
        mem.fence();
        return mem.load32(other) === 0;
      };
    const program: Program = {
      name: 'fences',
      threads: { a: enters(X, Y), b: enters(Y, X) },
      finally: { 'not both enter': (_, { a, b }) => !(a === true && b === true) },
    };
    expect(fates(program)).toMatchObject({ 'skip fence fenced': 'holds' });
    expect(fates(program, { model: 'tso' })).toMatchObject({
      'skip fence fenced': 'finally: not both enter',
    });
  });
});

describe('a delayed store', () => {
  it('is done after the one operation that follows it, also in a loop of stores', () => {
    const program: Program = {
      name: 'loop',
      threads: {
        a: function fills(mem) {
          for (let word = 0; word < 3; word++) mem.store32(X + 8 * word, word + 1);
        },
        b: (mem) => mem.load32(X),
      },
      finally: {
        'all are stored': (mem) => [0, 1, 2].every((word) => mem.load32(X + 8 * word) === word + 1),
      },
    };
    expect(fates(program)).toMatchObject({ 'delay store32 fills': 'holds' });
  });
});

describe('the execution that kills a mutant', () => {
  const killed = mutants(counting).map((mutant) => {
    const { violation } = check(counting, { mutant });
    return { mutant, schedule: violation?.execution?.schedule ?? '' };
  });

  it.each(killed)('of $mutant.kind $mutant.verb fails again when it is replayed with it', (one) => {
    const { fault } = replaySchedule(counting, one.schedule, { mutant: one.mutant });
    expect(fault).toEqual({ fault: 'finally', property: 'both count' });
  });

  it('names the mutant by its function and line', () => {
    const [mutant] = mutants(counting);
    expect(mutant).toMatchObject({
      kind: 'skip',
      verb: 'lock',
      function: 'increments',
      file: expect.stringMatching(/mutation\.test\.ts$/),
      line: expect.any(Number),
    });
  });
});
