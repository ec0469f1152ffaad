import { describe, expect, it } from 'vitest';
import { replaySchedule } from './check.ts';
import type { Program } from './program.ts';
import { formatSchedule, parseSchedule, ScheduleError } from './schedule.ts';

describe('a schedule as text', () => {
  it('counts what repeats and marks the drains of a buffer', () => {
    expect(formatSchedule([0, 0, 0, 2, 1, 1, 5], 3)).toBe('0*3 2 1*2 d2');
  });

  it.each(['', '0', '0*3 2 1*2 d2', 'd0*2'])('is read as it was written: "%s"', (text) => {
    expect(formatSchedule(parseSchedule(text, 3), 3)).toBe(text);
  });

  it.each([
    ['0 3', 'place 2'],
    ['x', 'place 1'],
    ['0 1* 2', 'place 2'],
    ['-1', 'place 1'],
  ])('is refused where it names no thread: "%s"', (text, place) => {
    expect(() => parseSchedule(text, 3)).toThrow(new RegExp(`${place}: expected a thread below 3`));
  });
});

describe('a schedule that is carried out', () => {
  const locked: Program = {
    name: 'locked',
    threads: Object.fromEntries(
      ['a', 'b'].map((name) => [
        name,
        (mem) => {
          mem.lock(64);
          mem.store32(128, mem.load32(128) + 1);
          mem.unlock(64);
        },
      ]),
    ),
    words: [{ name: 'count', address: 128 }],
  };

  it('does each step, and no more', () => {
    const { execution } = replaySchedule(locked, '0*3');
    expect([execution.steps.map(({ operation }) => operation.verb), execution.final]).toEqual([
      ['lock', 'load32', 'store32'],
      [
        { name: '0x40', text: '1' },
        { name: 'count', text: '1' },
      ],
    ]);
  });

  it('is refused where its thread cannot go on, with those that can', () => {
    expect(() => replaySchedule(locked, '0 1')).toThrow(ScheduleError);
    expect(() => replaySchedule(locked, '0 1')).toThrow(
      /step 2: expected one of those that can go on \(a\), got b/,
    );
  });
});
