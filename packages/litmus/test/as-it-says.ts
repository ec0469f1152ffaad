// Every litmus of a list checked in its models: it does what its header says.
import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import type { Litmus } from '../src/litmus.ts';

/** The states of each complete search are pinned in a snapshot; a change of one is a line in the CHANGELOG. */
export function describeAsItSays(litmuses: readonly Litmus[]): void {
  describe.each([...litmuses])('$name', ({ result, violates, models = ['sc'], program }) => {
    const law = result === 'Never' ? 'never goes wrong' : `goes wrong: ${violates}`;

    it.each(models)(`${law} (%s)`, (model) => {
      const verdict = check(program(), { model });
      if (result === 'Never') {
        expect(verdict).toMatchObject({ verdict: 'holds' });
        expect(verdict.states).toMatchSnapshot();
      } else {
        const { fault, property } = verdict.violation ?? {};
        expect([fault, property]).toContain(violates);
      }
    });
  });
}
