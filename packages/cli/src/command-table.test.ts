import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from './command-table.ts';

describe('the list of commands', () => {
  it.each(COMMANDS)(
    'says of $name what the command itself would',
    async ({ name, usage, load }) => {
      const command = (await load())(() => {}, '1.2.3');
      expect([command.name(), command.usage()]).toEqual([name, usage]);
    },
  );
});

describe('a start', () => {
  /** What a file and the files that it imports need of other packages, types and what is imported later left out. */
  function packagesOf(file: string, seen: Set<string> = new Set()): Set<string> {
    const text = readFileSync(file, 'utf8');
    const imports = text.matchAll(/^(?:import|export) (?!type)(?:[^;]*? from )?'(.+)';$/gm);
    for (const [, from = ''] of imports) {
      if (!from.startsWith('.')) seen.add(from);
      else packagesOf(join(dirname(file), from), seen);
    }
    return seen;
  }

  it('loads no room: only the chosen command does', () => {
    const needed = [...packagesOf(join(import.meta.dirname, 'index.ts'))];
    expect(needed.sort()).toEqual(['commander', 'node:fs', 'node:util']);
  });
});
