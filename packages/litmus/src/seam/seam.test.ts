import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { describeAsItSays } from '../../test/as-it-says.ts';
import { SEAM } from './index.ts';

/** States of a complete search; a change of one is a line in the CHANGELOG. */
const GOLDEN: Readonly<Record<string, number>> = {
  'mutex-2 sc': 82,
  'mutex-2 tso': 100,
  'mutex-3 sc': 7427,
  'mutex-3 tso': 9098,
  'rwlock-1-2 sc': 40090,
  'rwlock-1-2 tso': 46324,
  'rwlock-2-1 sc': 113149,
  'rwlock-2-1 tso': 154219,
  'rwlock-writer-first sc': 49175,
  'rwlock-writer-first tso': 53795,
  'grace-period sc': 837,
  'grace-period tso': 837,
  'grace-period-reader-returns sc': 3734,
  'grace-period-reader-returns tso': 3734,
  'grace-period-two-writers sc': 115468,
  'grace-period-two-writers tso': 115468,
  'tlb-flush sc': 2782,
  'tlb-flush tso': 2822,
  'pause sc': 5285,
  'pause tso': 5742,
  'invalidation-wait sc': 1422,
  'invalidation-wait tso': 2833,
  'invalidation-wait-two sc': 6145,
  'invalidation-wait-two tso': 12666,
  'memslots-wait sc': 23718,
  'memslots-wait tso': 36_484,
};

describeAsItSays(SEAM, GOLDEN);

describe('The protocols of the seam', () => {
  const names = SEAM.map(({ name }) => name);

  it('have a name each', () => {
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([...SEAM])('$name is called as its program', ({ name, program }) => {
    expect(program().name).toBe(name);
  });

  it.each(SEAM.filter(({ result }) => result === 'Never'))(
    '$name says what danger it meets',
    ({ program }) => {
      expect(Object.keys(program().sometimes ?? {})).not.toEqual([]);
    },
  );

  it('are broken in ways whose sound variant is here too', () => {
    const pairs = SEAM.filter(({ result }) => result === 'Sometimes').map(({ pair }) => pair);
    expect(names).toEqual(expect.arrayContaining(pairs));
  });

  it('go wrong without a barrier only where stores wait in a buffer', () => {
    const plainMode = SEAM.find(({ name }) => name === 'tlb-flush-plain-mode');
    expect(plainMode && check(plainMode.program(), { model: 'sc' }).verdict).toBe('holds');
  });
});
