import { describe, expect, it } from 'vitest';
import { describeAsItSays } from '../../test/as-it-says.ts';
import { RACES } from './index.ts';
import { WAITING } from './waiting.ts';

/** States of a complete search; a change of one is a line in the CHANGELOG. */
const GOLDEN: Readonly<Record<string, number>> = {
  'b-1-protects-before-taking-repaired sc': 940,
  'b-1-protects-before-taking-repaired tso': 2078,
  'b0-flush-keyed-on-w-repaired sc': 79123,
  'b0-flush-keyed-on-w-repaired tso': 185791,
  'b2-retries-for-ever-repaired sc': 2,
  'b2-retries-for-ever-repaired tso': 2,
  'b4-keeps-mmu-writable-repaired sc': 916,
  'b4-keeps-mmu-writable-repaired tso': 1415,
  'b4-keeps-mmu-writable-2012 sc': 916,
  'b4-keeps-mmu-writable-2012 tso': 1415,
  'b5-skips-what-has-no-w-repaired sc': 767,
  'b5-skips-what-has-no-w-repaired tso': 1281,
  'b7-plain-store-repaired sc': 1374,
  'b7-plain-store-repaired tso': 1841,
  'b9-no-second-look-repaired sc': 445,
  'b9-no-second-look-repaired tso': 445,
  'b10-no-generation-check-repaired sc': 9563,
  'b10-no-generation-check-repaired tso': 13170,
  'b15-flush-after-unlock-repaired sc': 2810,
  'b15-flush-after-unlock-repaired tso': 6508,
  'b16-keeps-an-old-decision-repaired sc': 7186,
  'b16-keeps-an-old-decision-repaired tso': 22438,
  'b19-range-in-host-pages-repaired sc': 19349,
  'b19-range-in-host-pages-repaired tso': 39200,
  'b23-second-snapshot-repaired sc': 6238,
  'b23-second-snapshot-repaired tso': 12974,
  'b27-dirty-bit-lost-repaired sc': 333,
  'b27-dirty-bit-lost-repaired tso': 333,
  'b28-forgets-an-owed-flush-repaired sc': 32559,
  'b28-forgets-an-owed-flush-repaired tso': 45533,
  'b29-host-pte-read-twice-repaired sc': 228,
  'b29-host-pte-read-twice-repaired tso': 446,
  'b30-memslots-change-meanwhile-repaired sc': 1247,
  'b30-memslots-change-meanwhile-repaired tso': 2118,
};

describeAsItSays(RACES, GOLDEN);

describe('The catalogue of races', () => {
  const names = RACES.map(({ name }) => name);
  const numbers = [
    ...names.map((name) => name.replace(/^b(-?\d+)-.*/, 'B$1')),
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
