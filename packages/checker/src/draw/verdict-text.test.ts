import { describe, expect, it } from 'vitest';
import { verdict } from '../../test/hand-made.ts';
import { formatVerdict } from './verdict-text.ts';

const headline = (text: string): string | undefined => text.split('\n')[0];

describe('A verdict in words', () => {
  it('says that all is well, how that was found, and what it rests on', () => {
    const assumptions = [
      { thread: 'VCPU0', site: 'Error\n    at spin (/a/b/src/ksm.ts:12:7)', histories: 3 },
    ];
    const text = formatVerdict({ ...verdict, assumptions, outcomes: ['[0,1]', '[1,1]'] });
    expect(`\n${text}\n`).toBe(`
ksm: holds
  explored     1,234 states, 5,678 transitions, 9 executions, depth 24 in 120 ms
  search       states under sc, 48 bytes per state, threads run 310 times
  assumes      again in VCPU0 at src/ksm.ts:12: 3 histories taken for one
               another
  outcomes     [0,1] [1,1]
  certificate  0123456789abcdef
`);
  });

  it('names the property that failed', () => {
    const violation = { fault: 'always', property: 'W implies MMU-writable' } as const;
    expect(headline(formatVerdict({ ...verdict, verdict: 'violated', violation }))).toBe(
      'ksm: violated (always: W implies MMU-writable)',
    );
  });

  it('says how far it got when the budget ended', () => {
    const ended = { ...verdict, verdict: 'budget', budget: '60 s' } as const;
    expect(formatVerdict({ ...ended, completeTo: 1 })).toMatch(
      /^ksm: bounded: no violation with at most 1 preemption \(the budget ended: 60 s\)\n/,
    );
    expect(headline(formatVerdict(ended))).toBe(
      'ksm: bounded: nothing found so far (the budget ended: 60 s)',
    );
  });

  it('does not call a bounded search complete', () => {
    expect(headline(formatVerdict({ ...verdict, completeTo: 2 }))).toBe(
      'ksm: bounded: no violation with at most 2 preemptions',
    );
  });

  it('has no certificate of some of the ends', () => {
    const ended = { ...verdict, verdict: 'budget', budget: '1 ms' } as const;
    expect(formatVerdict(ended)).not.toContain('certificate');
  });

  it('tells of the parts that a search was cut into, and of no states where none are kept', () => {
    const text = formatVerdict({ ...verdict, search: 'dpor', parts: 34, bytesPerState: 0 });
    expect(text).toContain('  explored     5,678 transitions, 9 executions, depth 24 in 120 ms\n');
    expect(text).toContain('  search       dpor under sc in 34 parts, threads run 310 times\n');
  });

  it('tells executions that were cut apart', () => {
    expect(formatVerdict({ ...verdict, search: 'dpor', blocked: 4 })).toContain(
      '9 executions (and 4 cut)',
    );
  });
});
