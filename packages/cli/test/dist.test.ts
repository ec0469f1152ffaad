// The command as it is installed, where it has been built: a process of its own.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const script = path('../../../dist/cli/src/index.js');

const spawn = (...words: string[]) => {
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(process.execPath, ['--enable-source-maps', script, ...words], options);
};

describe.skipIf(!existsSync(script))('the built command', { timeout: 60_000 }, () => {
  it('says the version of the package', () => {
    const { version } = JSON.parse(readFileSync(path('../../../package.json'), 'utf8'));
    expect(spawn('--version')).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('exits with 3 and one line when the input cannot be read', () => {
    expect(spawn('run', '/does/not/exist')).toMatchObject({
      status: 3,
      stdout: '',
      stderr: 'faultline: /does/not/exist: expected a readable file, got no such file\n',
    });
  });

  it('ends without a word when nobody reads on', () => {
    const trace = path('../../../traces/k6.12-tdp-ksm-race.txt.gz');
    const command = `'${process.execPath}' '${script}' convert '${trace}' --to csv -o - | head -1`;
    const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect([status, stderr]).toEqual([141, '']);
    expect(stdout).toMatch(/^time,cpu,pid,.*\n$/);
  });

  it('finds its workers, runs, and leaves nothing but its result in a pipe', () => {
    const words = ['--guest', 'zipf', '--memory', '1', '--seconds', '0.1', '--json'];
    const { status, stdout, stderr } = spawn('run', ...words);
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'faultline/run', guest: 'zipf' });
  });

  it('checks one litmus', () => {
    const { status, stdout, stderr } = spawn('check', 'seed-model');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^seed-model: holds\n/);
  });

  it('finds its workers, and checks every known race of one model in them', () => {
    const { status, stdout, stderr } = spawn('check', '--races', '--model', 'tso', '--jobs', '2');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/\n(\d+) of \1 known races found: .*, 2 workers\.\n/);
  });

  it('goes on with a search from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const words = ['check', 'mutex-2', '--search', 'dpor', '--checkpoint', join(folder, 'kept')];
    const stopped = spawn(...words, '--budget', '3-executions');
    const ended = spawn(...words);
    rmSync(folder, { recursive: true });
    expect([stopped.status, ended.status]).toEqual([4, 0]);
    expect(ended.stdout).toMatch(/^mutex-2: holds\n/);
  });
});
