// The examples as a reader runs them, against what is built.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const isBuilt = existsSync(`${ROOT}dist/machine/src/index.js`);

/** What an example prints; throws when it finds itself wrong. */
const printed = async (name: string, ...args: string[]): Promise<string> => {
  const { stdout } = await run(process.execPath, [`examples/machine/${name}.js`, ...args], {
    cwd: ROOT,
  });
  return stdout;
};

describe.skipIf(!isBuilt)('an example (skipped without dist: npm run build)', () => {
  it('tiny-emulator computes, and is told what it wrote', async () => {
    expect(await printed('tiny-emulator')).toContain('again in the second run: 4 5 6');
  });

  it('two-vcpus-one-counter loses nothing by atomics', async () => {
    expect(await printed('two-vcpus-one-counter', '20000')).toContain('atomicAdd32:        40000');
  });

  it('framebuffer copies dirty lines alone', async () => {
    expect(await printed('framebuffer')).toContain('frame 3: lines 28 to 47');
  });

  it('rp2040-rewind runs the same firmware again from an earlier moment', async () => {
    const text = await printed('rp2040-rewind');
    expect(text).toContain('slice 1: pages 9 10 11');
    expect(text).toContain('run again from there: the same memory');
  });

  it('migrate-to-a-worker counts on at the other side', async () => {
    const [, here, there] = /counted to (\d+), there it goes on: (\d+)/.exec(
      await printed('migrate-to-a-worker', '4'),
    ) ?? ['', 'nothing', ''];
    expect(there).toBe(here);
  });

  it('snapshots-per-second restores the oldest that it keeps', async () => {
    const text = await printed('snapshots-per-second', '8', '5', '20', '3');
    expect(text).toMatch(/snapshot 5: \d+ of 2048 pages changed, .* 3 kept in/);
  });
});
