// Programs with one mistake each: every search says what is wrong, where, and shows how it came about.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ReplayError, type Shared } from '@faultline/atomics';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import type { Execution } from '../src/execution.ts';
import type { Budget, CheckOptions } from '../src/options.ts';
import type { Body, Program } from '../src/program.ts';
import type { Search } from '../src/verdict.ts';

const X = 0x100;
const Y = 0x104;
const LOCK = 0x108;
const SEARCHES: readonly Search[] = ['states', 'dpor', 'preemptions'];
const frames = { framesAt: 0x1000, frames: 8, frameBytes: 64 };

type Rest = Omit<Program, 'name' | 'threads'>;
const programOf = (threads: Program['threads'], rest: Rest = {}): Program => ({
  name: 'bad',
  threads,
  ...rest,
});

const faultOf = (program: Program, options: CheckOptions): string => {
  const { verdict, violation } = check(program, options);
  return violation === undefined ? verdict : violation.fault;
};

const executionOf = (program: Program, options: CheckOptions): Execution => {
  const { violation } = check(program, options);
  if (violation?.execution === undefined) throw new Error('expected an execution, got none');
  return violation.execution;
};

/** Steps as `thread verb`, or `thread verb: kind` where one does not simply take effect. */
const stepsOf = ({ threads, steps }: Execution): string[] =>
  steps.map(({ thread, kind, operation }) => {
    const step = `${threads[thread]} ${operation.verb}`;
    return kind === 'done' ? step : `${step}: ${kind}`;
  });

const standingOf = ({ standing }: Execution): string[] => standing.map(({ state }) => state);

/** Where this file says `code`. */
const lineOf = (code: string): number => {
  const lines = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');
  return 1 + lines.findIndex((line) => line.includes(code));
};

const storesOne: Body = (mem) => mem.store32(X, 1);

describe.each(SEARCHES)('Search %s', (search) => {
  describe('of a body that throws', () => {
    const program = programOf({
      storer: storesOne,
      thrower(mem) {
        if (mem.load32(X) === 1) throw new TypeError('one is too many');
      },
    });

    it('says which thread threw what', () => {
      const { violation } = check(program, { search });
      expect(violation).toMatchObject({
        fault: 'threw',
        property: expect.stringMatching(/thrower.*TypeError.*one is too many/),
      });
    });

    it('shows the steps that led there', () => {
      expect(stepsOf(executionOf(program, { search }))).toEqual([
        'storer store32',
        'thrower load32',
      ]);
    });
  });

  describe('of a loop that never ends and makes no claim', () => {
    const program = programOf({
      storer: storesOne,
      spinner(mem) {
        while (mem.load32(Y) === 0);
      },
    });
    const budget = { operations: 200 };

    it('does not pass it', () => {
      expect(check(program, { search, budget }).verdict).toBe('budget');
    });

    it('names the line of the loop', () => {
      const line = lineOf('while (mem.load32(Y) === 0);');
      expect(check(program, { search, budget }).budget).toMatch(`bad-programs.test.ts:${line}`);
    });
  });

  describe('of a body that keeps state outside itself', () => {
    const sometimesOther = (): Body => {
      let runs = 0;
      return (mem) => {
        mem.load32(X);
        return mem.load32(runs++ % 2 === 0 ? X : Y);
      };
    };

    it('says that it strayed, and what the usual causes are', () => {
      const program = programOf({ storer: storesOne, hider: sometimesOther() });
      expect(() => check(program, { search })).toThrow(ReplayError);
      const again = programOf({ storer: storesOne, hider: sometimesOther() });
      expect(() => check(again, { search })).toThrow(/usual cause: .*state outside itself/);
    });

    it('says so when only the result shows it', () => {
      let runs = 0;
      const program = programOf({ counter: (mem: Shared) => [mem.load32(X), runs++] });
      expect(() => check(program, { search })).toThrow(/counter.*usual cause/s);
    });
  });

  describe('of a danger that is never met', () => {
    const program = programOf(
      { storer: storesOne },
      { sometimes: { 'x is 2': (mem) => mem.load32(X) === 2 } },
    );

    it('is a violation without an execution', () => {
      const { verdict, violation } = check(program, { search });
      expect(verdict).toBe('violated');
      expect(violation).toEqual({ fault: 'sometimes', property: 'x is 2' });
    });
  });

  describe('of a check and a wait that are two steps', () => {
    const bell = Y;
    const program = programOf({
      sleeper(mem) {
        if (mem.load32(X) === 0) mem.wait(bell, 0);
      },
      waker(mem) {
        mem.store32(X, 1);
        mem.notify(bell);
      },
    });

    it('finds that it can sleep for ever', () => {
      expect(faultOf(program, { search })).toMatch(/^(deadlock|lost wakeup)$/);
    });

    it('shows the notify between the two', () => {
      const execution = executionOf(program, { search });
      expect(stepsOf(execution)).toEqual([
        'sleeper load32',
        'waker store32',
        'waker notify',
        'sleeper wait: asleep',
      ]);
      expect(standingOf(execution)).toEqual(['blocked', 'ended']);
    });

    it('is content when the sleeper compares the word that the waker changes', () => {
      const careful = programOf({
        sleeper: (mem: Shared) => mem.wait(X, 0),
        waker(mem) {
          mem.store32(X, 1);
          mem.notify(X);
        },
      });
      expect(faultOf(careful, { search })).toBe('holds');
    });
  });

  describe('of a notify that comes before the store', () => {
    const program = programOf({
      sleeper: (mem: Shared) => mem.waitUntil(X, -1, 1),
      waker(mem) {
        mem.notify(X);
        mem.store32(X, 1);
      },
    });

    it('calls it a lost wakeup', () => {
      expect(faultOf(program, { search })).toBe('lost wakeup');
    });

    it('draws it with one preemption at most', () => {
      expect(executionOf(program, { search }).preemptions).toBeLessThanOrEqual(1);
    });

    it('is content when it comes after', () => {
      const repaired = programOf({
        sleeper: (mem: Shared) => mem.waitUntil(X, -1, 1),
        waker(mem) {
          mem.store32(X, 1);
          mem.notify(X);
        },
      });
      expect(faultOf(repaired, { search })).toBe('holds');
    });
  });

  describe('of a thread that locks a mutex it holds', () => {
    const program = programOf({
      greedy(mem) {
        mem.lock(LOCK);
        mem.lock(LOCK);
      },
    });

    it('finds that it waits for ever', () => {
      expect(faultOf(program, { search })).toBe('deadlock');
    });

    it('shows where it stands', () => {
      expect(executionOf(program, { search }).standing[0]).toMatchObject({
        state: 'blocked',
        operation: { verb: 'lock', address: LOCK },
      });
    });
  });

  describe('of two mutexes in opposite order', () => {
    const both =
      (first: number, second: number): Body =>
      (mem) => {
        mem.lock(first);
        mem.lock(second);
        mem.unlock(second);
        mem.unlock(first);
      };
    const program = programOf({ 'X then Y': both(X, Y), 'Y then X': both(Y, X) });

    it('finds the deadlock, each holding one', () => {
      const execution = executionOf(program, { search });
      expect(stepsOf(execution).toSorted()).toEqual(['X then Y lock', 'Y then X lock']);
      expect(standingOf(execution)).toEqual(['blocked', 'blocked']);
    });
  });

  describe('of a lock given back that is not held', () => {
    it.each(['unlock', 'readUnlock', 'writeUnlock'] as const)('calls %s misuse', (verb) => {
      expect(faultOf(programOf({ careless: (mem) => mem[verb](LOCK) }), { search })).toBe('misuse');
    });

    it('calls it misuse when it is held in another way', () => {
      const confused: Body = (mem) => {
        mem.readLock(LOCK);
        mem.writeUnlock(LOCK);
      };
      expect(faultOf(programOf({ confused }), { search })).toBe('misuse');
    });
  });

  describe('of a frame freed while another thread may reach it', () => {
    const reader: Body = (mem) => {
      mem.enterRead();
      const frame = mem.load32(X);
      const found = frame === 0 ? 0 : mem.load32(frame);
      mem.exitRead();
      return found;
    };
    const freesAfter =
      (waits: (mem: Shared) => void): Body =>
      (mem) => {
        const frame = mem.alloc();
        mem.store32(frame, 7);
        mem.store32(X, frame);
        mem.store32(X, 0);
        waits(mem);
        mem.free(frame);
      };

    it('finds the use after free', () => {
      const program = programOf({ reader, writer: freesAfter(() => {}) }, { frames });
      expect(faultOf(program, { search })).toBe('use after free');
    });

    it('is content when the writer waits for the readers', () => {
      const program = programOf(
        { reader, writer: freesAfter((mem) => mem.synchronize()) },
        { frames },
      );
      expect(faultOf(program, { search })).toBe('holds');
    });

    it('finds it when the writer waits before it unlinks', () => {
      const writer: Body = (mem) => {
        const frame = mem.alloc();
        mem.store32(X, frame);
        mem.synchronize();
        mem.store32(X, 0);
        mem.free(frame);
      };
      expect(faultOf(programOf({ reader, writer }, { frames }), { search })).toBe('use after free');
    });

    it('calls a second free misuse', () => {
      const twice: Body = (mem) => {
        const frame = mem.alloc();
        mem.free(frame);
        mem.free(frame);
      };
      expect(faultOf(programOf({ twice }, { frames }), { search })).toBe('misuse');
    });
  });

  describe('of guest memory touched by two threads at once', () => {
    const program = (dataRaces: 'error' | 'ignored'): Program =>
      programOf(
        { storer: (mem) => mem.guestStore(0, 1), loader: (mem) => mem.guestLoad(0) },
        { dataRaces },
      );

    it('finds the data race where that is an error', () => {
      expect(faultOf(program('error'), { search })).toBe('data race');
    });

    it('leaves it alone where it is not', () => {
      expect(faultOf(program('ignored'), { search })).toBe('holds');
    });
  });

  describe('of a thread that serves others', () => {
    const threads = { server: (mem: Shared) => mem.waitUntil(X, -1, 1), client: () => undefined };

    it('may be asleep at the end if it is said to be idle', () => {
      expect(faultOf(programOf(threads, { idle: ['server'] }), { search })).toBe('holds');
    });

    it('is a deadlock if it is not', () => {
      expect(faultOf(programOf(threads), { search })).toBe('deadlock');
    });
  });

  describe('of a property that changes what it looks at', () => {
    it('refuses it', () => {
      const always = { 'stores too': (mem: Shared) => mem.xchg32(X, 0) === 0 };
      expect(() => check(programOf({ storer: storesOne }, { always }), { search })).toThrow(
        /expected a property only to load/,
      );
    });
  });
});

describe('A loop that spins and says so', () => {
  const spins: Body = (mem) => {
    for (;;) {
      mem.again();
      if (mem.load32(X) === 1) return;
    }
  };

  it('ends where another thread lets it', () => {
    expect(faultOf(programOf({ spins, storer: storesOne }), {})).toBe('holds');
  });

  it('is a livelock where nobody does', () => {
    expect(faultOf(programOf({ spins }), {})).toBe('livelock');
  });

  it('is listed as an assumption', () => {
    const { assumptions } = check(programOf({ spins, storer: storesOne }));
    expect(assumptions).toEqual([
      expect.objectContaining({
        thread: 'spins',
        site: expect.stringContaining('bad-programs.test.ts'),
      }),
    ]);
  });
});

describe('A budget that ends first', () => {
  const counts: Body = (mem) => {
    for (let i = 0; i < 5; i++) mem.add32(X, 1);
  };
  const program = programOf({ one: counts, two: counts, three: counts });

  it.each<[Search, Budget]>([
    ['states', { states: 20 }],
    ['preemptions', { states: 20 }],
    ['dpor', { executions: 20 }],
  ])('is not a pass in search %s', (search, budget) => {
    const { verdict, budget: why } = check(program, { search, budget, symmetry: false });
    expect({ verdict, why }).toEqual({ verdict: 'budget', why: expect.stringContaining('20') });
  });
});
