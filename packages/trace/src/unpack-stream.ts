// Packed data in, bytes out, through a stream of Node's zlib. Of data that are cut, every byte that can be unpacked; of data
// that are damaged, all but the last OUTPUT_BYTES before the damage. Node's own iterator over such a stream would drop what
// it has buffered.
import type { Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PackedDamage } from './packed-damage.ts';

/**
 * What a stream should give at once: more than a piece of trace text unpacks to, some 13 times its size, since after each the
 * unpacking thread waits for its owner.
 */
export const OUTPUT_BYTES: number = 512 * 1024;

export const gunzip = (packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> =>
  unpackStream(createGunzip({ chunkSize: OUTPUT_BYTES }), packed);

/**
 * Unpacks piece by piece; a piece should be small, since what it unpacks to is held at once. Throws a PackedDamage at the
 * end if there was any.
 */
export async function* unpackStream(
  stream: Transform,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const unpacked: Uint8Array[] = [];
  let failure: Error | undefined;
  stream.on('data', (chunk: Uint8Array) => unpacked.push(chunk));
  // A stream that fails never calls back the write in flight, so whoever waits for a write waits for this too.
  const over = new Promise<void>((resolve) => stream.once('end', resolve).once('close', resolve));
  stream.on('error', (error) => {
    failure = error;
  });
  try {
    let written: Promise<void> = Promise.resolve();
    for await (const piece of packed) {
      await written;
      if (failure !== undefined) break;
      const ready = unpacked.splice(0);
      // The next piece is unpacked on another thread while the caller is busy with this one.
      written = Promise.race([write(stream, piece), over]);
      yield* ready;
    }
    await written;
    stream.end();
    await over;
    yield* unpacked.splice(0);
  } finally {
    stream.destroy();
  }
  if (failure !== undefined) throw new PackedDamage(failure.message, { cause: failure });
}

/** Resolves when all of the piece is unpacked. */
const write = (stream: Transform, piece: Uint8Array): Promise<void> =>
  new Promise((resolve) => stream.write(piece, () => resolve()));
