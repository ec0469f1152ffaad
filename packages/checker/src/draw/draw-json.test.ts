import { describe, expect, it } from 'vitest';
import { ksmRace, verdict } from '../../test/hand-made.ts';
import type { Verdict } from '../verdict.ts';
import { drawJson } from './draw-json.ts';

describe('A verdict as JSON', () => {
  const violation = { fault: 'always', property: 'x is 0', execution: ksmRace() } as const;

  it('begins with its schema and version', () => {
    expect(drawJson(verdict).split('\n').slice(0, 3)).toEqual([
      '{',
      '  "schema": "faultline/check",',
      '  "version": 1,',
    ]);
  });

  it('holds everything: operations, words, source lines', () => {
    const violated: Verdict = { ...verdict, verdict: 'violated', violation };
    expect(JSON.parse(drawJson(violated))).toEqual({
      schema: 'faultline/check',
      version: 1,
      ...violated,
    });
  });

  it('is the same whatever order the fields were made in', () => {
    const backwards = Object.fromEntries(Object.entries(verdict).reverse());
    expect(drawJson(backwards as unknown as Verdict)).toBe(drawJson(verdict));
  });

  it('writes a bigint that an event carries as digits', () => {
    const [step, ...steps] = ksmRace().steps;
    if (step === undefined) throw new Error('expected a step, got none');
    const said = { ...step, events: [{ event: 'spte', value: 2n ** 63n }] };
    const execution = { ...ksmRace(), steps: [said, ...steps] };
    const text = drawJson({ ...verdict, violation: { ...violation, execution } });
    expect(text).toContain('"value": "9223372036854775808"');
  });
});
