// A file that is there as a whole or not at all: written under another name, and renamed when all of it has been written.
import {
  closeSync,
  fsyncSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { InputError } from './exit.ts';

export interface OutputFile {
  write(piece: Uint8Array): void;
  /** Gives it its name; what had that name before is replaced. */
  keep(): void;
  /** Leaves nothing behind, unless it was kept. */
  discard(): void;
}

/** `-` is standard output. Throws an InputError for a path that cannot be written. */
export function openOutput(path: string): OutputFile {
  if (path === '-') return standardOutput;
  const known = statSync(path, { throwIfNoEntry: false });
  if (known !== undefined && !known.isFile()) {
    const got = known.isDirectory() ? 'a directory' : 'something else';
    throw new InputError(`${path}: expected a file, or nothing yet, got ${got}`);
  }
  const temporary = `${path}.${process.pid}.tmp`;
  const tried = <Result>(step: () => Result): Result => {
    try {
      return step();
    } catch (error) {
      const got = whyUnwritable(error as NodeJS.ErrnoException);
      throw new InputError(`${path}: expected a file that can be written, got ${got}`);
    }
  };
  const file = tried(() => openSync(temporary, 'wx'));
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  return {
    write: (piece) => tried(() => writeAll(file, piece)),
    keep() {
      tried(() => {
        fsyncSync(file);
        close();
        renameSync(temporary, path);
      });
    },
    discard() {
      if (!isOpen) return;
      close();
      unlinkSync(temporary);
    },
  };
}

/** In words, of an error of Node's. */
export function whyUnwritable({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such folder';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to write there';
  if (code === 'EROFS') return 'a read-only file system';
  return code === 'ENOSPC' ? 'a full disk' : message;
}

/** A write may take a part only. */
function writeAll(file: number, piece: Uint8Array): void {
  for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at);
}

const standardOutput: OutputFile = {
  write: (piece) => void process.stdout.write(Uint8Array.from(piece)),
  keep() {},
  discard() {},
};
