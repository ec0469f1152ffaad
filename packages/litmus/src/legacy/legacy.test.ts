import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { describeAsItSays } from '../../test/as-it-says.ts';
import { LEGACY } from './index.ts';

describeAsItSays(LEGACY);

describe('The litmus tests of the legacy MMU', () => {
  it('have a name each', () => {
    expect(new Set(LEGACY.map(({ name }) => name)).size).toBe(LEGACY.length);
  });

  it.each([...LEGACY])('$name is called as its program', ({ name, program }) => {
    expect(program().name).toBe(name);
  });

  it('go wrong without a barrier only where stores wait in a buffer', () => {
    const plain = LEGACY.find(({ name }) => name === 'lockless-walk-mode-stored-plainly');
    expect(plain && check(plain.program(), { model: 'sc' }).verdict).toBe('holds');
  });
});
