// Several searches of one program: what is said of them.
import type { Verdict } from '@faultline/checker';
import { describe, expect, it } from 'vitest';
import { type Deep, deepReport, waysOf } from '../src/check/deep.ts';
import { checkInStages } from '../src/check/stages.ts';
import type { Checked } from '../src/check-pool.ts';
import { increment, lostIncrement, settings } from './check-programs.ts';

const { verdict } = checkInStages(increment, settings());
const lost = checkInStages(lostIncrement, settings()).verdict;
const as = (more: Partial<Verdict> = {}): Checked => ({
  verdict: { ...verdict, ...more },
  tried: [],
});
const deep = (found: Deep['found'], name = 'increment'): Deep => ({ name, model: 'sc', found });

describe('searches that agree', () => {
  const { out, code } = deepReport([
    deep({ states: as(), unmerged: as({ states: 20_000 }), dpor: as(), preemptions: as() }),
    { name: 'second', model: 'tso', found: { states: as(), unmerged: as() } },
  ]);

  it('are a line for each litmus and model, the totals and a sentence, and 0', () => {
    expect(code).toBe(0);
    const lines = out.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(lines[1]).toEqual([
      'increment',
      String(verdict.states),
      '20,000',
      String(verdict.executions),
      String(verdict.states),
      '4 equal',
    ]);
    expect(lines[2]?.slice(3)).toEqual(['-', '-', '2 equal']);
    expect(lines[3]?.slice(0, 1)).toEqual(['all']);
    expect(out).toContain('6 searches of 2 litmuses');
  });
});

describe('searches that do not', () => {
  it('are named, with 1', () => {
    const { out, code } = deepReport([deep({ states: as(), dpor: as({ certificate: 'other' }) })]);
    expect(code).toBe(1);
    expect(out).toContain('\nDIFFERENT: increment.\n');
    expect(out).toMatch(/ DIFFER$/m);
  });

  it('are violations of what is claimed, and failures, too', () => {
    const { out, code } = deepReport([
      deep({ states: { verdict: lost, tried: [] }, dpor: { error: 'out of memory' } }),
    ]);
    expect(code).toBe(1);
    expect(out).toContain('\nNOT as claimed: increment by states, increment by dpor.\n');
  });
});

describe('a search that a budget ended', () => {
  it('is named, counts for nothing, and exits with 4', () => {
    const open = as({ verdict: 'budget', budget: '20s', certificate: 'of a part', states: 5000 });
    const { out, code } = deepReport([deep({ states: as(), unmerged: open, dpor: as() })]);
    expect(code).toBe(4);
    expect(out).toMatch(/ > 5,000 .* 2 equal$/m);
    expect(out).toContain('\nThe budget ended: increment by states without merging.\n');
  });
});

describe('tso', () => {
  it('is not searched by dpor, which knows no store buffers', () => {
    expect([Object.keys(waysOf('sc')), Object.keys(waysOf('tso'))]).toEqual([
      ['states', 'unmerged', 'dpor', 'preemptions'],
      ['states', 'unmerged', 'preemptions'],
    ]);
  });
});
