// zstd data in, bytes out: with Node's zlib where it has zstd (22.15), else with fzstd, at some 150 MB/s.
import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { PackedDamage } from './packed-damage.ts';
import { OUTPUT_BYTES, unpackStream } from './unpack-stream.ts';

/** What zstd itself refuses to unpack unless told to: a window beyond 128 MiB, which has to be held in memory. */
const MAX_WINDOW_BYTES = 2 ** 27;

/** In the types of Node 20 there is none. */
const createZstd = (
  zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform }
).createZstdDecompress;

/** Throws a PackedDamage at the end if the data were cut or damaged. */
export function unzstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (createZstd !== undefined)
    return unpackStream(createZstd({ chunkSize: OUTPUT_BYTES }), packed);
  return withFzstd(packed);
}

export async function* withFzstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unpacked: Uint8Array[] = [];
  const stream = new Decompress((chunk) => unpacked.push(chunk));
  let isFirst = true;
  const push = (piece: Uint8Array, isLast: boolean): void => {
    try {
      stream.push(piece, isLast);
    } catch (cause) {
      throw new PackedDamage('damaged zstd data', { cause });
    }
  };
  for await (const piece of packed) {
    if (isFirst && windowBytes(piece) > MAX_WINDOW_BYTES)
      throw new PackedDamage('a window too large');
    isFirst = false;
    push(piece, false);
    yield* unpacked.splice(0);
  }
  push(new Uint8Array(0), true);
  yield* unpacked.splice(0);
}

/** What a frame's head asks for. Format: RFC 8878, 3.1.1.1. */
function windowBytes(head: Uint8Array): number {
  const [, , , , descriptor = 0, window = 0] = head;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  // Then the window is the content, and its size follows the dictionary's id.
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] as number);
  const size = [1, 2, 4, 8][descriptor >> 6] as number;
  let bytes = 0;
  for (let i = size - 1; i >= 0; i--) bytes = bytes * 256 + (head[at + i] ?? 0);
  return bytes;
}
