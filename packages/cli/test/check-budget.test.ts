import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { asGiven, budget } from '../src/check/budget.ts';

describe('a budget on the command line', () => {
  it.each([
    ['500ms', { ms: 500 }],
    ['30s', { ms: 30_000 }],
    ['1.5min', { ms: 90_000 }],
    ['2h', { ms: 7_200_000 }],
    ['64KiB', { bytes: 65_536 }],
    ['512MiB', { bytes: 512 * 2 ** 20 }],
    ['2GiB', { bytes: 2 ** 31 }],
    ['1000-states', { states: 1000 }],
    ['100k-states', { states: 100_000 }],
    ['1M-states', { states: 1_000_000 }],
    ['1000-executions', { executions: 1000 }],
    ['5k-operations', { operations: 5000 }],
  ])('is a value with its unit: %s', (text, value) => {
    expect(budget(text, {})).toMatchObject(value);
  });

  it('may have several kinds', () => {
    expect(budget('2GiB', { ms: 500 })).toMatchObject({ ms: 500, bytes: 2 ** 31 });
  });

  it.each([
    '',
    '30',
    's',
    '0s',
    '-1s',
    '1e3s',
    '2GB',
    '1M',
    '30 s',
    '5-constructor',
    '5constructor',
  ])('is refused unless it is that: %j', (text) => {
    expect(() => budget(text, {})).toThrow(
      new InvalidArgumentError(
        'expected one of 30s, 500ms, 2GiB, 1M-states, 1000-executions, 5k-operations.',
      ),
    );
  });

  it('has each kind once', () => {
    expect(() => budget('1M-states', { states: 5 })).toThrow('expected states once.');
    expect(() => budget('4s', { ms: 5 })).toThrow('expected time once.');
  });
});

describe('a budget that ended a search', () => {
  const given = budget('1M-states', budget('1.5min', {}));

  it.each([
    ['45,000 ms', '1.5min'],
    ['1,000,000 states', '1M-states'],
    ['10,000 executions', '10,000 executions'],
    ['2,147,483,648 bytes of states', '2GiB of states'],
    ['unbounded loop at a.js:3: it goes on', 'unbounded loop at a.js:3: it goes on'],
  ])('is named as the user gave it, whatever share of it a search had: %s', (ended, named) => {
    expect(asGiven(given, ended)).toBe(named);
  });
});
