// A guest's memory in a file: there as a whole, or not at all.
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type DestinationMemory,
  type PageReader,
  readSnapshot,
  type Shape,
  type SnapshotInfo,
  writeSnapshot,
} from '@faultline/machine';
import { whyUnreadable } from '@faultline/trace';
import { InputError } from '../exit.ts';
import { whyUnwritable } from '../output-file.ts';
import { clock, compressions } from './node-side.ts';

/** A file under another name, that takes the place of `path` when all is on the disk. */
export interface SnapshotFile {
  /** No vCPU runs until it resolves. */
  save(reader: PageReader, shape: Shape, state?: Uint8Array): Promise<void>;
  /** Leaves nothing behind, unless it was saved. */
  discard(): Promise<void>;
}

/** Throws an InputError for a path that cannot be written: better before a guest has come than after. */
export async function createSnapshotFile(path: string): Promise<SnapshotFile> {
  const unwritable = (error: NodeJS.ErrnoException): never => {
    throw new InputError(
      `${path}: expected a file that can be written, got ${whyUnwritable(error)}`,
    );
  };
  const known = await stat(path).catch(() => undefined);
  if (known?.isFile() === false) {
    throw new InputError(`${path}: expected a file, or nothing yet, got something else`);
  }
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'wx').catch(unwritable);
  let saved = false;
  const discard = async (): Promise<void> => {
    await file.close().catch(() => {});
    if (!saved) await unlink(temporary).catch(() => {});
  };
  return {
    discard,
    async save(reader, shape, state) {
      await write(file, reader, shape, state).catch(unwritable);
      await rename(temporary, path).catch(unwritable);
      saved = true;
      // The new name, too, must outlive a power cut.
      const directory = await open(dirname(path), 'r');
      await directory.sync().finally(() => directory.close());
    },
  };
}

async function write(
  file: FileHandle,
  reader: PageReader,
  shape: Shape,
  state: Uint8Array | undefined,
): Promise<void> {
  const send = async (bytes: Uint8Array): Promise<void> => {
    await file.writeFile(bytes);
  };
  await writeSnapshot(reader, shape, { send, clock, state });
  await file.sync();
  await file.close();
}

/** Fills the memory that `into` makes. Throws a MigrationError for a file that is damaged, cut, or no snapshot. */
export async function loadSnapshot(
  path: string,
  into: (shape: Shape) => DestinationMemory,
): Promise<SnapshotInfo> {
  const unreadable = (got: string): never => {
    throw new InputError(`${path}: expected a readable file, got ${got}`);
  };
  const file = await open(path, 'r').catch((error) => unreadable(whyUnreadable(error)));
  if ((await file.stat()).isDirectory())
    await file.close().finally(() => unreadable('a directory'));
  const chunks = createReadStream('', { fd: file, highWaterMark: 1 << 20 });
  return readSnapshot(chunks as AsyncIterable<Uint8Array>, {
    open: into,
    clock,
    compressions,
  });
}
