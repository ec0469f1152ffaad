import { describe, expect, it } from 'vitest';
import { check, replaySchedule } from './check.ts';
import { drawText } from './draw/draw-text.ts';
import type { Body, Program } from './program.ts';
import type { Violation } from './verdict.ts';

const LEFT = 64;
const RIGHT = 128;

/** Takes two locks, the second by trying; steps back if it is taken. */
const polite =
  (first: number, second: number): Body =>
  (mem) => {
    for (;;) {
      mem.again();
      if (mem.cmpxchg32(first, 0, 1) !== 1) continue;
      if (mem.cmpxchg32(second, 0, 1) === 1) break;
      mem.store32(first, 0);
    }
    mem.store32(second, 0);
    mem.store32(first, 0);
  };
const pair = (rightFirst: number, rightSecond: number): Program => ({
  name: 'polite',
  threads: { a: polite(LEFT, RIGHT), b: polite(rightFirst, rightSecond) },
});

describe('two threads that step back for each other', () => {
  const verdict = check(pair(RIGHT, LEFT));

  it('can do so for ever', () => {
    expect(verdict.violation).toMatchObject({
      fault: 'livelock',
      property: 'a, b can go on for ever and get nowhere',
    });
  });

  it('is drawn once around, and says that this repeats', () => {
    const { violation } = verdict;
    const { repeats = 0, execution } = violation as Violation;
    const around = execution?.steps.slice(-repeats) ?? [];
    expect(new Set(around.map(({ thread }) => thread))).toEqual(new Set([0, 1]));
    expect(drawText(violation as Violation)).toContain(`the last ${repeats} repeat for ever.`);
  });

  it('shows it again when its schedule is replayed', () => {
    const { violation } = verdict;
    const schedule = violation?.execution?.schedule ?? '';
    const { fault, repeats } = replaySchedule(pair(RIGHT, LEFT), schedule);
    expect([fault?.fault, fault?.property, repeats]).toEqual([
      'livelock',
      violation?.property,
      violation?.repeats,
    ]);
  });

  it('cannot where both take the same lock first', () => {
    expect(check(pair(LEFT, RIGHT)).verdict).toBe('holds');
  });

  it('rest on claims that the verdict lists', () => {
    expect(verdict.assumptions.map(({ thread }) => thread)).toEqual(['a', 'b']);
  });
});

describe('a thread that spins until another has stored', () => {
  const spinner: Body = (mem) => {
    while (mem.load32(LEFT) === 0) mem.again();
  };
  const setter: Body = (mem) => mem.store32(LEFT, 1);

  it('ends under any fair scheduler', () => {
    expect(check({ name: 'spin', threads: { spinner, setter } }).verdict).toBe('holds');
  });

  it('gets nowhere in a replay without the other, which is no livelock: the other could go on', () => {
    const { fault, repeats } = replaySchedule(
      { name: 'spin', threads: { spinner, setter } },
      '0*2',
    );
    expect([fault, repeats]).toEqual([undefined, 1]);
  });

  it('never ends where nobody stores', () => {
    const threads = { spinner, other: (mem: Parameters<Body>[0]) => mem.store32(RIGHT, 1) };
    expect(check({ name: 'spin', threads }).violation?.fault).toBe('livelock');
  });

  it('without a claim is an unbounded loop, never a pass', () => {
    const unclaimed: Body = (mem) => {
      while (mem.load32(LEFT) === 0);
    };
    const verdict = check(
      { name: 'spin', threads: { unclaimed, setter } },
      { budget: { operations: 100 } },
    );
    expect([verdict.verdict, verdict.budget]).toEqual([
      'budget',
      expect.stringMatching(/^unbounded loop at .*livelock\.test\.ts:\d+: unclaimed did not end/),
    ]);
  });
});
