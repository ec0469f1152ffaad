// A trace in a file: opens it, finds out by its first bytes how it is packed and what it is, and has it read.
import { createReadStream, statSync } from 'node:fs';
import { readDat } from './dat/dat-reader.ts';
import { FileSource } from './dat/dat-source.ts';
import { DAT_MAGIC } from './dat/layout.ts';
import { FtraceParser } from './ftrace-parser.ts';
import { PackedDamage } from './packed-damage.ts';
import { spooled } from './spool.ts';
import { TraceError } from './trace-error.ts';
import type { TraceEvent } from './trace-event.ts';
import type { Compression, TraceSummary } from './trace-summary.ts';
import { gunzip } from './unpack-stream.ts';
import { whyUnreadable } from './unreadable.ts';
import { unzstd } from './unzstd.ts';

/** Of a file: a read costs much the same whatever it brings. */
const PIECE_BYTES = 1024 * 1024;
/** Of packed data: what a piece unpacks to, a thousandfold at worst, is held at once. */
const PACKED_PIECE_BYTES = 32 * 1024;
/** Standard input. */
const STDIN = '-';
/** What messages call it. */
export const STDIN_NAME = '(standard input)';

type Pieces = AsyncGenerator<Uint8Array>;

const PACKINGS: readonly (readonly [
  Compression,
  magic: readonly number[],
  (of: Pieces) => Pieces,
])[] = [
  ['gzip', [0x1f, 0x8b], gunzip],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd], unzstd],
];

/** A trace that somebody else has opened. */
export interface TracePieces {
  /** For messages. */
  readonly file: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/**
 * Reads a trace and calls `onEvent` once per decoded event: text of ftrace (`trace`, `trace_pipe`), of `trace-cmd report` or
 * of `perf script` in the order of its lines, each as soon as it has come; a trace.dat in the order of time. Any of them plain,
 * gzip or zstd, from a file, a pipe, standard input (`-`), or in pieces. Memory stays bounded. What `onEvent` throws rejects the promise.
 *
 * Cut or damaged input: the sound part is delivered and the summary says what is missing (`gaps`, `isDamaged`).
 * Rejects with a TraceError if the file cannot be opened, is of another format, or holds no event.
 */
export async function readTrace(
  source: string | TracePieces,
  onEvent: (event: TraceEvent) => void,
): Promise<TraceSummary> {
  const { path, file, pieces } = opened(source);
  const packed = await withHead(pieces, DAT_MAGIC.length);
  const packing = PACKINGS.find(([, magic]) => startsWith(packed.head, magic));
  if (packing === undefined)
    return readUnpacked({ path, file, compression: 'none' }, packed, onEvent);
  const [compression, , unpack] = packing;
  const unpacked = await withHead(unpack(cut(packed.all)), DAT_MAGIC.length);
  return readUnpacked({ path, file, compression }, unpacked, onEvent);
}

function opened(source: string | TracePieces): {
  path: string | undefined;
  file: string;
  pieces: Pieces;
} {
  if (typeof source !== 'string') {
    return { path: undefined, file: source.file, pieces: eachOf(source.pieces) };
  }
  const file = source === STDIN ? STDIN_NAME : source;
  return { path: source, file, pieces: readPieces(source) };
}

async function* eachOf(pieces: AsyncIterable<Uint8Array>): Pieces {
  yield* pieces;
}

interface Input {
  /** Undefined: nobody can open it again. */
  readonly path: string | undefined;
  /** For messages. */
  readonly file: string;
  readonly compression: Compression;
}

async function readUnpacked(
  { path, file, compression }: Input,
  { head, all }: Opened,
  onEvent: (event: TraceEvent) => void,
): Promise<TraceSummary> {
  if (!startsWith(head, DAT_MAGIC)) {
    const parser = new FtraceParser(onEvent, { file, compression });
    return parser.end({ truncated: await feedAll(parser, all) });
  }
  if (compression === 'none' && path !== undefined && isRegularFile(path)) {
    await all.return(undefined);
    return readDatFile(path, (source) => readDat(source, onEvent, { file, compression }));
  }
  return spooled(all, async (copy, truncated) => {
    const read = (source: FileSource) => readDat(source, onEvent, { file, compression });
    const summary = await readDatFile(copy, read);
    return truncated ? { ...summary, truncated } : summary;
  });
}

async function readDatFile<Result>(
  path: string,
  read: (source: FileSource) => Promise<Result>,
): Promise<Result> {
  const source = new FileSource(path);
  try {
    return await read(source);
  } finally {
    source.close();
  }
}

const isRegularFile = (path: string): boolean => path !== STDIN && statSync(path).isFile();

/** Says whether the input ended before its time. */
async function feedAll(parser: FtraceParser, pieces: Pieces): Promise<boolean> {
  try {
    for await (const piece of pieces) parser.feed(piece);
    return false;
  } catch (error) {
    if (error instanceof PackedDamage) return true;
    throw error;
  }
}

async function* readPieces(path: string): Pieces {
  const stream =
    path === STDIN ? process.stdin : createReadStream(path, { highWaterMark: PIECE_BYTES });
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const got = whyUnreadable(cause as NodeJS.ErrnoException);
    throw new TraceError({ file: path, expected: 'a readable file', got }, { cause });
  }
}

async function* cut(pieces: Pieces): Pieces {
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length; from += PACKED_PIECE_BYTES) {
      yield piece.subarray(from, from + PACKED_PIECE_BYTES);
    }
  }
}

interface Opened {
  /** At least as many bytes as were asked for, or fewer if there are no more. */
  readonly head: Uint8Array;
  /** All the bytes, those of the head included. */
  readonly all: Pieces;
}

/** A pipe may bring its bytes one by one. */
async function withHead(pieces: Pieces, length: number): Promise<Opened> {
  let head: Uint8Array = new Uint8Array();
  let damage: unknown;
  try {
    while (head.length < length) {
      const next = await pieces.next();
      if (next.done) break;
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    }
  } catch (error) {
    if (!(error instanceof PackedDamage)) throw error;
    damage = error;
  }
  return { head, all: prepend(head, pieces, damage) };
}

async function* prepend(head: Uint8Array, pieces: Pieces, damage: unknown): Pieces {
  yield head;
  if (damage !== undefined) throw damage;
  yield* pieces;
}

const startsWith = (head: Uint8Array, magic: readonly number[]): boolean =>
  magic.every((byte, i) => head[i] === byte);
