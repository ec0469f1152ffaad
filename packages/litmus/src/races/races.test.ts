import { describe, expect, it } from 'vitest';
import { describeAsItSays } from '../../test/as-it-says.ts';
import { RACES } from './index.ts';
import { WAITING } from './waiting.ts';

describeAsItSays(RACES);

describe('The catalogue of races', () => {
  const names = RACES.map(({ name }) => name);
  const numbers = [
    ...names.flatMap((name) => /^b(-?\d+)-/.exec(name)?.[1] ?? []).map((number) => `B${number}`),
    ...WAITING.map(({ id }) => id),
  ];

  it('has a name for each litmus', () => {
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([...RACES])('$name is called as its program', ({ name, program }) => {
    expect(program().name).toBe(name);
  });

  it.each(RACES.filter(({ result }) => result === 'Never'))(
    '$name says what danger it meets',
    ({ program }) => {
      expect(Object.keys(program().sometimes ?? {})).not.toEqual([]);
    },
  );

  it('has every race from B-1 to B30, here or waiting', () => {
    const all = Array.from({ length: 32 }, (_, n) => `B${n - 1}`);
    expect([...new Set(numbers)].sort()).toEqual(all.sort());
  });

  it('shows each with its repair', () => {
    const repairs = RACES.filter(({ result }) => result === 'Sometimes').map(({ pair }) => pair);
    expect(names).toEqual(expect.arrayContaining(repairs));
  });
});
