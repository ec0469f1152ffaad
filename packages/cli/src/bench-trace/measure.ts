// One way to read a trace, in a process of its own.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';

const run = promisify(execFile);

export interface Measured {
  readonly ms: number;
  readonly cpuMs?: number;
  readonly peakKiB?: number;
  /** As many as were read. */
  readonly events?: number;
}

/** Ours: `bench-trace --one FILE`. */
export async function measureReading(file: string): Promise<Measured> {
  const script = fileURLToPath(new URL('../bench-trace.js', import.meta.url));
  const { stdout } = await run(process.execPath, [script, '--one', file]);
  return JSON.parse(stdout) as Measured;
}

/** Another's, its output thrown away; undefined where it is not installed. */
export async function measureCommand(
  command: string,
  words: readonly string[],
): Promise<Measured | undefined> {
  const began = performance.now();
  const child = spawn(command, words, { stdio: ['ignore', 'ignore', 'ignore'] });
  try {
    await once(child, 'exit');
  } catch {
    return undefined;
  }
  return { ms: performance.now() - began };
}

/** The path of the unpacked copy. */
export async function unpackTo(path: string, packed: string): Promise<string> {
  await pipeline(createReadStream(packed), createGunzip(), createWriteStream(path));
  return path;
}
