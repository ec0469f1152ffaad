// docs/library.md says what is so: its programs run, and its other snippets stand in the examples.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const isBuilt = existsSync(`${ROOT}dist/machine/src/index.js`);
const doc = readFileSync(`${ROOT}docs/library.md`, 'utf8');
const snippets = [...doc.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code as string);
const programs = snippets.filter((code) => code.startsWith('import '));
const quoted = snippets.filter((code) => !code.startsWith('import '));

describe.skipIf(!isBuilt)('a program of docs/library.md (skipped without dist)', () => {
  it.each(programs.map((code, index) => [index + 1, code] as const))(
    'number %i runs, and finds true what it claims',
    async (_, code) => {
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], {
        cwd: ROOT,
      });
      const claims = code.split('console.log(').length - 1;
      expect(stdout).toBe('true\n'.repeat(claims));
    },
  );
});

describe('a snippet of docs/library.md that is no program', () => {
  const examples = readdirSync(`${ROOT}examples/machine`).map((name) =>
    readFileSync(`${ROOT}examples/machine/${name}`, 'utf8'),
  );

  it.each(quoted)('%s stands in an example', (code) => {
    expect(examples.some((example) => example.includes(code))).toBe(true);
  });
});
