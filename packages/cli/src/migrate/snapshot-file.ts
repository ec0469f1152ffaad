// A guest's memory in a file: there as a whole, or not at all.
import { createReadStream } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type DestinationMemory,
  type PageReader,
  readSnapshot,
  type Shape,
  type SnapshotInfo,
  writeSnapshot,
} from '@faultline/machine';
import { InputError } from '../exit.ts';
import { checksum, clock, compressions } from './node-side.ts';

/** Writes `path` under another name first; it takes the place of `path` when all is on the disk. No vCPU runs. */
export async function saveSnapshot(path: string, reader: PageReader, shape: Shape): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'wx');
  try {
    const send = async (bytes: Uint8Array): Promise<void> => {
      await file.writeFile(bytes);
    };
    await writeSnapshot(reader, shape, { send, checksum, clock });
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(temporary).catch(() => {});
    throw error;
  }
  // The new name, too, must outlive a power cut.
  const directory = await open(dirname(path), 'r');
  await directory.sync().finally(() => directory.close());
}

/** Fills the memory that `into` makes. Throws a MigrationError for a file that is damaged, cut, or no snapshot. */
export async function loadSnapshot(
  path: string,
  into: (shape: Shape) => DestinationMemory,
): Promise<SnapshotInfo> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`${path}: expected a readable file, got ${error.code}`);
  });
  const chunks = createReadStream('', { fd: file, highWaterMark: 1 << 20 });
  return readSnapshot(chunks as AsyncIterable<Uint8Array>, {
    open: into,
    checksum,
    clock,
    compressions,
  });
}
