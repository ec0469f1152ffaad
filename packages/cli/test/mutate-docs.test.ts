// docs/mutations.md says why mutants live; explained.ts is where it is said.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXPLAINED } from '../src/mutate/explained.ts';
import { explanationsMarkdown } from '../src/mutate/report.ts';
import { conditionMutants, shippedFiles } from '../src/mutate/shipped.ts';

const page = readFileSync(new URL('../../../docs/mutations.md', import.meta.url), 'utf8');
const explained = EXPLAINED.flatMap(({ mutants }) => mutants);

describe('docs/mutations.md', () => {
  it('has every explanation (npm run check:mutate -- --write)', () => {
    expect(page).toContain(explanationsMarkdown());
  });

  it('explains each mutant once, and none that is killed', () => {
    expect(new Set(explained).size).toBe(explained.length);
    const [, killed = ''] = page.split('## Those that are killed');
    for (const id of explained)
      expect(killed).not.toContain(`| \`${id.replaceAll('|', '\\|')}\` |`);
  });
});

const files = shippedFiles();

describe.skipIf(files.length === 0)('an explanation', () => {
  const conditions = new Set(conditionMutants(files).map(({ id }) => id));
  const isCondition = (id: string): boolean => /^(unguard|drop) /.test(id);

  it.each(explained.filter(isCondition))('is of a condition that the code has: %s', (id) => {
    expect(conditions).toContain(id);
  });

  it.each(explained.filter((id) => !isCondition(id)))('is of an operation: %s', (id) => {
    const [, verb, within, number = '#1'] = id.split(' ');
    const lines = files.flatMap(({ calls }) =>
      calls.filter((call) => call.verb === verb && call.function === within),
    );
    expect(lines.length).toBeGreaterThanOrEqual(Number(number.slice(1)));
  });
});
