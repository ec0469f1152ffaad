// An input whose kind its text will say: looked at as a whole where it is short enough to be anything but a trace, and still
// there to be read as one.
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { STDIN_NAME, type TracePieces } from '@faultline/trace';

export interface Opened {
  /** For messages, and for headings. */
  readonly file: string;
  readonly name: string;
  /** Undefined: too long, or binary, so a trace if anything. */
  readonly text: string | undefined;
  readonly trace: string | TracePieces;
}

/** Nobody asks a monitor a million times. */
const MOST_TEXT = 16 * 2 ** 20;
const GZIP_MAGIC = 0x1f;

/** `-`: standard input. What cannot be opened is told by who reads it as a trace. */
export async function openInput(file: string): Promise<Opened> {
  if (file === '-') return standardInput();
  const bytes = await smallFile(file);
  return { file, name: basename(file), text: bytes && textOf(bytes), trace: file };
}

async function smallFile(file: string): Promise<Uint8Array | undefined> {
  const info = await stat(file).catch(() => undefined);
  if (info === undefined || !info.isFile() || info.size > MOST_TEXT) return undefined;
  const handle = await open(file).catch(() => undefined);
  try {
    return await handle?.readFile();
  } finally {
    await handle?.close();
  }
}

/** A pipe can be read once: what was looked at comes before the rest. */
async function standardInput(): Promise<Opened> {
  const rest = process.stdin[Symbol.asyncIterator]() as AsyncIterableIterator<Uint8Array>;
  const seen: Uint8Array[] = [];
  let length = 0;
  let isWhole = false;
  while (!isWhole && length <= MOST_TEXT) {
    const { value, done = false } = await rest.next();
    isWhole = done;
    if (done) break;
    seen.push(value);
    length += value.length;
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield* seen.splice(0);
    yield* rest;
  }
  const text = isWhole ? textOf(Buffer.concat(seen)) : undefined;
  const file = STDIN_NAME;
  return { file, name: file, text, trace: { file, pieces: pieces() } };
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] === GZIP_MAGIC || bytes.includes(0)) return undefined;
  return Buffer.from(bytes).toString('utf8');
}
