// Mutants are made of the built files: so they are tried here as a user's command does, where it has been built.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../../dist/cli/src/index.js', import.meta.url));

const check = (...words: string[]) => {
  const options = { encoding: 'utf8', timeout: 120_000 } as const;
  return spawnSync(process.execPath, ['--enable-source-maps', script, 'check', ...words], options);
};

interface Mutant {
  readonly name: string;
  readonly fate: string;
  readonly kill?: { readonly litmus: string; readonly fault: string };
}

describe.skipIf(!existsSync(script))('faultline check NAME --mutate', { timeout: 240_000 }, () => {
  const { status, stdout } = check('mutex-2', '--mutate', '--json');
  const { mutants } = JSON.parse(stdout) as { mutants: readonly Mutant[] };
  const fateOf = (name: string) => mutants.find((mutant) => mutant.name === name);

  it('finds every operation of the mutex needed, and exits with 0', () => {
    expect([status, mutants.filter(({ fate }) => fate !== 'killed')]).toEqual([0, []]);
  });

  it('does operations of the shipped code worse', () => {
    expect(fateOf('split cmpxchg32 tryLock')?.kill).toMatchObject({
      litmus: 'mutex-2',
      fault: 'finally',
    });
    expect(fateOf('skip notify unlock')?.kill).toMatchObject({ fault: 'lost wakeup' });
  });

  it('leaves conditions of the shipped code out', () => {
    const guard = "unguard 'mem.xchg32(address, FREE) === CONTENDED' unlock";
    expect(fateOf(guard)?.kill).toMatchObject({ fault: 'lost wakeup' });
  });

  it('draws the kill of one mutant', () => {
    const { stdout: text } = check('mutex-2', '--mutate', 'skip notify unlock');
    expect(text).toMatch(/^killed {5}skip notify unlock \(mutex\.ts:\d+\)/);
    expect(text).toContain('OOPS!!!');
    expect(text).toContain('unlock (src/mutex.ts:');
  });

  it('says what it expected of a word that no mutant has', () => {
    const { status, stderr } = check('mutex-2', '--mutate', 'nothing');
    expect([status, stderr]).toEqual([
      2,
      "faultline: --mutate: expected part of a mutant's name, got 'nothing'; --mutate alone lists all\n",
    ]);
  });
});
