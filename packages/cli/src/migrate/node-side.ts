// What Node has for a migration: a clock, compressions.
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { Clock, Compression } from '@faultline/machine';
import { UsageError } from '../exit.ts';

export const clock: Clock = {
  now: () => performance.now(),
  sleep: (ms) => (ms > 0 ? sleep(ms) : new Promise((resolve) => setImmediate(resolve))),
};

interface LaterZlib {
  /** From Node 22.15 on. */
  readonly zstdCompress?: typeof zlib.deflateRaw;
  readonly zstdDecompress?: typeof zlib.inflateRaw;
}

const later = zlib as unknown as LaterZlib;

export const COMPRESSIONS = ['deflate-raw', 'gzip', 'zstd'] as const;
export type CompressionName = (typeof COMPRESSIONS)[number];

type Codec = (bytes: Uint8Array, options: zlib.ZlibOptions) => Promise<Buffer>;

const compressionOf = (name: string, compress: Codec, decompress: Codec): Compression => ({
  name,
  compress: (bytes) => compress(bytes, { level: 1 }),
  // One byte more than there should be: what is too long is found out, and not made room for.
  decompress: (bytes, rawBytes) => decompress(bytes, { maxOutputLength: rawBytes + 1 }),
});

/** Those that this Node has. */
export const compressions: readonly Compression[] = [
  compressionOf('deflate-raw', promisify(zlib.deflateRaw), promisify(zlib.inflateRaw)),
  compressionOf('gzip', promisify(zlib.gzip), promisify(zlib.gunzip)),
  ...(later.zstdCompress === undefined || later.zstdDecompress === undefined
    ? []
    : [compressionOf('zstd', zstd(later.zstdCompress), zstd(later.zstdDecompress))]),
];

/** Its options are others; its level 3 is fast. */
function zstd(codec: typeof zlib.deflateRaw): Codec {
  const call = promisify(codec);
  return (bytes, { maxOutputLength }) =>
    call(bytes, maxOutputLength === undefined ? {} : { maxOutputLength });
}

export function compressionNamed(name: CompressionName): Compression {
  const found = compressions.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  throw new UsageError(`--compress ${name}: expected Node 22.15 or later, got ${process.version}`);
}
