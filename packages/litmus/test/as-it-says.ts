// Every litmus of a list checked in its models: it does what its header says.
import { check } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import type { Litmus } from '../src/litmus.ts';

/** `golden`: states of each search that ends, by `name model`, pinned when first measured. */
export function describeAsItSays(
  litmuses: readonly Litmus[],
  golden: Readonly<Record<string, number>>,
): void {
  describe.each(litmuses.map((litmus) => [litmus.name, litmus] as const))('%s', (name, litmus) => {
    const { result, violates, models = ['sc'], program } = litmus;
    const law = result === 'Never' ? 'never goes wrong' : `goes wrong: ${violates}`;

    it.each(models)(`${law} (%s)`, (model) => {
      const verdict = check(program(), { model });
      if (result === 'Never') {
        expect(verdict).toMatchObject({ verdict: 'holds', states: golden[`${name} ${model}`] });
      } else {
        const { fault, property } = verdict.violation ?? {};
        expect([fault, property]).toContain(violates);
      }
    });
  });
}
