// A trace.dat that comes through a pipe, or packed: its parts point to each other, so it is copied to a temporary file first.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { PackedDamage } from './packed-damage.ts';

/** Calls `use` with the copy, which is gone afterwards, and says whether the input ended before its time. */
export async function spooled<Result>(
  pieces: AsyncIterable<Uint8Array>,
  use: (copy: string, truncated: boolean) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-'));
  try {
    const copy = join(folder, 'trace.dat');
    return await use(copy, await copyTo(copy, pieces));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyTo(path: string, pieces: AsyncIterable<Uint8Array>): Promise<boolean> {
  const file = createWriteStream(path);
  let truncated = false;
  try {
    for await (const piece of pieces) if (!file.write(piece)) await once(file, 'drain');
  } catch (error) {
    if (!(error instanceof PackedDamage)) throw error;
    truncated = true;
  } finally {
    file.end();
  }
  await finished(file);
  return truncated;
}
