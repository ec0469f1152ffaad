// Where a search stopped, in a file: JSON with a checksum, and with what it is of, so that nothing else goes on from it.
import { createHash } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '@faultline/checker';
import { InputError } from '../exit.ts';

/** What a checkpoint is of. */
export interface Made {
  /** Version of Faultline. */
  readonly faultline: string;
  readonly program: string;
  /** Of the program's text. */
  readonly digest: string;
  readonly merge: boolean;
}

interface Written {
  readonly schema: 'faultline/checkpoint-file';
  readonly version: 1;
  readonly made: Made;
  /** Of `checkpoint`, as JSON. */
  readonly sha256: string;
  readonly checkpoint: Checkpoint;
}

export const sha256 = (...texts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}\n`).update(text);
  return hash.digest('hex');
};

/** Before a search whose result could not be kept. */
export function refuseUnwritable(file: string): void {
  const refuse = (problem: string): never => {
    throw new InputError(`--checkpoint ${file}: expected a file that can be written, ${problem}`);
  };
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) refuse('got a directory');
  const folder = dirname(file);
  if (!existsSync(folder)) refuse(`got no such folder as ${folder}`);
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    refuse(`got a folder that cannot: ${folder}`);
  }
}

/** Whole or not at all, whatever happens meanwhile. */
export function writeCheckpoint(file: string, made: Made, checkpoint: Checkpoint): void {
  const own = { schema: 'faultline/checkpoint-file', version: 1 } as const;
  const written: Written = {
    ...own,
    made,
    sha256: sha256(JSON.stringify(checkpoint)),
    checkpoint,
  };
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    const descriptor = openSync(beside, 'w');
    try {
      writeSync(descriptor, `${JSON.stringify(written)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

export const removeCheckpoint = (file: string): void => rmSync(file, { force: true });

/** Undefined where there is no file yet. Throws an InputError for one that `made` cannot go on from. */
export function readCheckpoint(file: string, made: Made): Checkpoint | undefined {
  if (!existsSync(file)) return undefined;
  const refuse = (expected: string, got: string): never => {
    const anew = 'delete it to begin anew';
    throw new InputError(`${file}: expected ${expected}, got ${got}; ${anew}`);
  };
  const written = parsed(readFileSync(file, 'utf8'));
  if (written?.schema !== 'faultline/checkpoint-file') {
    return refuse('a checkpoint of faultline', 'something else, or a damaged one');
  }
  if (written.version !== 1) {
    return refuse('a checkpoint of version 1', `one of version ${written.version}`);
  }
  const { made: then, checkpoint } = written;
  const isWhole = checkpoint && then && sha256(JSON.stringify(checkpoint)) === written.sha256;
  if (!isWhole) return refuse('a whole checkpoint', 'a damaged one');
  if (then.program !== made.program) {
    return refuse(`a checkpoint of ${made.program}`, `one of ${then.program}`);
  }
  if (then.faultline !== made.faultline) {
    return refuse(
      `a checkpoint of faultline ${made.faultline}`,
      `one of faultline ${then.faultline}`,
    );
  }
  if (then.digest !== made.digest) {
    return refuse(`a checkpoint of ${made.program} as it is`, 'one of another version of it');
  }
  if (then.merge !== made.merge) {
    const how = (merge: boolean): string => (merge ? 'without --no-merge' : 'with --no-merge');
    return refuse(`a checkpoint of a search ${how(made.merge)}`, `one ${how(then.merge)}`);
  }
  return checkpoint;
}

function parsed(text: string): Partial<Written> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
