// A trace in a file: opens it, unpacks it if need be, feeds the parser. Only this file and gunzip.ts need Node.
import { createReadStream } from 'node:fs';
import { FtraceParser } from './ftrace-parser.ts';
import { GzipDamage, gunzip } from './gunzip.ts';
import { TraceError } from './trace-error.ts';
import type { TraceEvent } from './trace-event.ts';
import type { TraceSummary } from './trace-summary.ts';

const PIECE_BYTES = 64 * 1024;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/**
 * Reads the text of a kernel's `trace` or `trace_pipe`, plain or gzip, from a file or a pipe, and calls `onEvent` once per
 * decoded event, in the order of the lines. Memory stays bounded. What `onEvent` throws rejects the promise.
 *
 * Cut or damaged gzip data: the events before the damage are delivered and the summary says `truncated`.
 * Rejects with a TraceError if the file cannot be opened, is of another format, or holds no event.
 */
export async function readTrace(
  path: string,
  onEvent: (event: TraceEvent) => void,
): Promise<TraceSummary> {
  const pieces = readPieces(path);
  const head = await takeHead(pieces);
  const isGzip = GZIP_MAGIC.every((byte, i) => head[i] === byte);
  const compression = isGzip ? 'gzip' : 'none';
  const parser = new FtraceParser(onEvent, { file: path, compression });
  const all = prepend(head, pieces);
  const truncated = await feedAll(parser, isGzip ? gunzip(all) : all);
  return parser.end({ truncated });
}

/** Says whether the input ended before its time. */
async function feedAll(parser: FtraceParser, pieces: AsyncIterable<Uint8Array>): Promise<boolean> {
  try {
    for await (const piece of pieces) parser.feed(piece);
    return false;
  } catch (error) {
    if (error instanceof GzipDamage) return true;
    throw error;
  }
}

async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: PIECE_BYTES });
  } catch (cause) {
    const got = whyUnreadable(cause as NodeJS.ErrnoException);
    throw new TraceError({ file: path, expected: 'a readable file', got }, { cause });
  }
}

function whyUnreadable({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'a directory';
  if (code === 'EACCES') return 'no permission to read it';
  return message;
}

/** As many bytes as tell gzip data, or fewer if there are no more: a pipe may bring them one by one. */
async function takeHead(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head = new Uint8Array();
  while (head.length < GZIP_MAGIC.length) {
    const next = await pieces.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* prepend(
  head: Uint8Array,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield head;
  yield* pieces;
}
