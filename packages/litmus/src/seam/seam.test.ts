import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { describeAsItSays } from '../../test/as-it-says.ts';
import { SEAM } from './index.ts';

describeAsItSays(SEAM);

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
