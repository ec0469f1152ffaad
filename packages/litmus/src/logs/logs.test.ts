import { describe, expect, it } from 'vitest';
import { describeAsItSays } from '../../test/as-it-says.ts';
import { LOGS } from './index.ts';

describeAsItSays(LOGS);

describe('The races of the other logs', () => {
  const names = LOGS.map(({ name }) => name);

  it('have a name each', () => {
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([...LOGS])('$name is called as its program', ({ name, program }) => {
    expect(program().name).toBe(name);
  });

  it('are shown beside what mends them', () => {
    const pairs = LOGS.filter(({ result }) => result === 'Sometimes').map(({ pair }) => pair);
    expect(names).toEqual(expect.arrayContaining(pairs));
  });
});
