// Many checks at once: the table, the summary, the exit code. The pool here answers at once, with what the test wants.
import type { Verdict } from '@faultline/checker';
import { LITMUS, type Litmus } from '@faultline/litmus';
import { describe, expect, it } from 'vitest';
import { checkAll, type Pool } from '../src/check/check-all.ts';
import { checkInStages } from '../src/check/stages.ts';
import type { Suite } from '../src/check/suite.ts';
import type { Checked } from '../src/check-pool.ts';
import { increment, lostIncrement, settings } from './check-programs.ts';

const { model: _, ...plain } = settings();
const holds = checkInStages(increment, settings()).verdict;
const { violation: lost, ...violated } = checkInStages(lostIncrement, settings()).verdict;
const of = (result: Litmus['result']): readonly Litmus[] =>
  LITMUS.filter((litmus) => litmus.result === result);

/** The verdict that is claimed. */
function claimed({ result, violates }: Litmus): Verdict {
  if (result === 'Never' || lost === undefined) return holds;
  return { ...violated, violation: { ...lost, property: violates ?? lost.property } };
}

async function run(
  which: Suite['which'],
  answers: Readonly<Record<string, Checked>> = {},
  more: Partial<Suite> = {},
) {
  const pool: Pool = async (jobs, __, listener) => {
    // The last is done first.
    for (const [index, { name, model }] of [...jobs.entries()].reverse()) {
      const litmus = LITMUS.find((one) => one.name === name) as Litmus;
      const verdict = { ...claimed(litmus), model };
      listener.done(index, answers[name] ?? { verdict, tried: [] });
    }
  };
  const lines: string[] = [];
  const suite: Suite = { which, settings: plain, workers: 2, format: 'text', ...more };
  const { out, code } = await checkAll(suite, pool, (text) => lines.push(text));
  return { table: lines.join(''), out, code };
}

const [firstName = '', secondName = ''] = of('Never').map(({ name }) => name);

describe('everything that is claimed to hold', () => {
  it('is a line each, in the order of the list, and exits with 0', async () => {
    const { table, code } = await run('Never');
    expect(code).toBe(0);
    const names = table.split('\n').map((line) => line.split(' ')[0]);
    const expected = of('Never').flatMap(({ name, models = ['sc'] }) => models.map(() => name));
    expect(names).toEqual(['litmus', ...expected, '']);
    expect(table.split('\n')[1]).toMatch(new RegExp(`^${firstName} +\\d+ +\\d+ {2}holds$`));
    expect(Math.max(...table.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('is checked in each model that a litmus claims', async () => {
    expect((await run('Never')).table).toMatch(/^mutex-2 \(tso\) +\d+ +\d+ {2}holds$/m);
  });

  it('ends with a summary, and the way to the races', async () => {
    const { out, table } = await run('Never');
    const checks = table.trimEnd().split('\n').length - 1;
    expect(out).toMatch(
      new RegExp(
        `^\\n${checks} of ${checks} hold: [\\d,]+ states in \\d+\\.\\d s, 2 workers\\.\\n`,
      ),
    );
    const races = of('Sometimes').length;
    expect(out.replaceAll('\n', ' ')).toContain(
      `faultline check --races finds the ${races} known races, each in its broken variant.`,
    );
  });

  it('exits with 1 on a violation, draws it, and names it', async () => {
    const verdict = { ...violated, ...(lost && { violation: lost }) };
    const { table, out, code } = await run('Never', { [firstName]: { verdict, tried: [] } });
    expect(code).toBe(1);
    expect(table.split('\n')[1]).toMatch(/ {2}VIOLATED: finally$/);
    expect(out).toContain('OOPS!!!');
    expect(out).toContain(`faultline check ${firstName} --replay '`);
    expect(out).toContain(`\nNOT as claimed: ${firstName}.\n`);
  });

  it('exits with 4 when a budget ended first', async () => {
    const verdict: Verdict = { ...holds, verdict: 'budget', budget: '5 states', completeTo: 2 };
    const { table, out, code } = await run('Never', { [secondName]: { verdict, tried: [] } });
    expect(code).toBe(4);
    expect(table.split('\n')[2]).toMatch(/ {2}budget ended$/);
    expect(out).toContain(
      `\nNothing found, but the budget ended first: ${secondName} (none with 2 preemptions).\n`,
    );
  });

  it('exits with 1 when a search fails, and says why', async () => {
    const { table, out, code } = await run('Never', { [firstName]: { error: 'out of memory' } });
    expect(code).toBe(1);
    expect(table.split('\n')[1]).toMatch(/ {2}FAILED$/);
    expect(out).toContain(`\n${firstName}: out of memory\n`);
  });

  it('can be those of one model', async () => {
    const { table } = await run('Never', {}, { model: 'tso' });
    expect(table).not.toContain(`${firstName} `);
    expect(table).toContain('mutex-2 (tso)');
  });

  it('is one object as JSON, and nothing else', async () => {
    const { table, out } = await run('Never', {}, { format: 'json' });
    expect(table).toBe('');
    const { checks, ...rest } = JSON.parse(out);
    expect(rest).toMatchObject({ schema: 'faultline/check-all', version: 1, claim: 'Never' });
    expect(checks[0]).toMatchObject({
      litmus: firstName,
      model: 'sc',
      borne: 'as claimed',
      verdict: 'holds',
      ends: 1,
    });
  });

  it('is a table as Markdown', async () => {
    const { out } = await run('Never', {}, { format: 'markdown' });
    expect(out).toMatch(/^\| litmus \| states \| ms \| verdict \|\n/);
    expect(out).toContain(`| ${firstName} | `);
  });

  it('has no drawing as SVG', async () => {
    await expect(run('Never', {}, { format: 'svg' })).rejects.toThrow(
      '--format svg: expected a NAME or FILE to draw, got none',
    );
  });
});

describe('every known race', () => {
  const [race] = of('Sometimes') as [Litmus];

  it('is found, and that is fine', async () => {
    const { table, out, code } = await run('Sometimes');
    expect(code).toBe(0);
    expect(table.split('\n')[1]).toMatch(/ {2}found$/);
    expect(out).toMatch(/^\n(\d+) of \1 known races found: /);
  });

  it('that is not found is a finding', async () => {
    const { table, out, code } = await run('Sometimes', {
      [race.name]: { verdict: holds, tried: [] },
    });
    expect(code).toBe(1);
    expect(table.split('\n')[1]).toMatch(/ {2}NOT FOUND$/);
    expect(out).toContain(`\nNOT found as known: ${race.name}.\n`);
  });

  it('in whose place another is found is a finding, and drawn', async () => {
    const verdict = { ...violated, ...(lost && { violation: { ...lost, property: 'another' } }) };
    const { table, out, code } = await run('Sometimes', { [race.name]: { verdict, tried: [] } });
    expect(code).toBe(1);
    expect(table.split('\n')[1]).toMatch(/ {2}ANOTHER: finally$/);
    expect(out).toContain('OOPS!!!');
  });
});
