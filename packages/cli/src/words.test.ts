import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { number, oneOf, powerOfTwo, someOf, whole } from './words.ts';

describe('a number on the command line', () => {
  it.each([
    ['0.5', 0.5],
    ['4', 4],
    ['1e1', 10],
  ])('is read: %s', (text, value) => {
    expect(number(0.1, 100)(text)).toBe(value);
  });

  it.each(['', ' ', 'x', '1s', '0', '101', '-1', 'Infinity', 'NaN', '1,5'])(
    'is refused unless it is one within the limits: %j',
    (text) => {
      expect(() => number(0.1, 100)(text)).toThrow(
        new InvalidArgumentError('expected a number from 0.1 to 100.'),
      );
    },
  );
});

describe('a whole number on the command line', () => {
  it('is read', () => {
    expect(whole(1, 64)('64')).toBe(64);
  });

  it.each(['2.5', 'x', '65', ''])('is refused unless it is one: %j', (text) => {
    expect(() => whole(1, 64)(text)).toThrow(
      new InvalidArgumentError('expected a whole number from 1 to 64.'),
    );
  });
});

describe('a power of two on the command line', () => {
  it('is read', () => {
    expect(powerOfTwo(256, 65_536)('1024')).toBe(1024);
  });

  it.each(['1000', '128', '131072', '0', 'x'])('is refused unless it is one: %j', (text) => {
    expect(() => powerOfTwo(256, 65_536)(text)).toThrow(
      new InvalidArgumentError('expected a power of two from 256 to 65536.'),
    );
  });
});

describe('a name on the command line', () => {
  it('is one of a list', () => {
    expect(oneOf(['slow', 'merged'])('merged')).toBe('merged');
  });

  it.each(['', 'Slow', 'constructor'])('is refused with what would have worked: %j', (text) => {
    expect(() => oneOf(['slow', 'merged'])(text)).toThrow(
      new InvalidArgumentError('expected one of slow, merged.'),
    );
  });
});

describe('a list on the command line', () => {
  it('keeps its order', () => {
    expect(someOf(['slow', 'merged', 'current'])('current,slow')).toEqual(['current', 'slow']);
  });

  it('is refused for one bad name', () => {
    expect(() => someOf(['slow', 'merged'])('slow,')).toThrow('expected one of slow, merged.');
  });
});
