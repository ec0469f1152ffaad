import { describe, expect, it } from 'vitest';
import { describeAsItSays } from '../../test/as-it-says.ts';
import { HOST } from './index.ts';

describeAsItSays(HOST);

describe('What the host does to its pages', () => {
  const names = HOST.map(({ name }) => name);

  it('has a name for each litmus', () => {
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([...HOST])('$name is called as its program', ({ name, program }) => {
    expect(program().name).toBe(name);
  });

  it.each(HOST.filter(({ result }) => result === 'Never'))(
    '$name says what danger it meets',
    ({ program }) => {
      expect(Object.keys(program().sometimes ?? {})).not.toEqual([]);
    },
  );

  it('is broken in ways whose sound variant is here too', () => {
    const pairs = HOST.filter(({ result }) => result === 'Sometimes').map(({ pair }) => pair);
    expect(names).toEqual(expect.arrayContaining(pairs));
  });
});
