// gzip data in, bytes out. Of data that is cut, every byte that can be unpacked; of data that is damaged, all but the last
// OUTPUT_BYTES before the damage. Node's own iterator over a gunzip stream would drop what it has buffered.
import { createGunzip, type Gunzip } from 'node:zlib';

const OUTPUT_BYTES = 256 * 1024;

/** The data ended early or was damaged; what came out before is sound. */
export class GzipDamage extends Error {
  override readonly name = 'GzipDamage';
}

/**
 * Unpacks piece by piece; a piece should be small, since what it unpacks to is held at once. Throws a GzipDamage at the end
 * if there was any.
 */
export async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = createGunzip({ chunkSize: OUTPUT_BYTES });
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
  if (failure !== undefined) throw new GzipDamage(failure.message, { cause: failure });
}

/** Resolves when all of the piece is unpacked. */
const write = (stream: Gunzip, piece: Uint8Array): Promise<void> =>
  new Promise((resolve) => stream.write(piece, () => resolve()));
