// docs/mutations.md says why mutants live; explained.ts is where it is said. That each is still a mutant of the code, and
// lives, is what `npm run check:mutate` finds out.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXPLAINED } from '../src/mutate/explained.ts';
import { explanationsMarkdown } from '../src/mutate/report.ts';

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
