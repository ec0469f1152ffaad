// What Node has for a migration: a clock, compressions.
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { Clock, Compression } from '@faultline/machine';
import { zstd } from './zstd.ts';

export const clock: Clock = {
  now: () => performance.now(),
  sleep: (ms) => (ms > 0 ? sleep(ms) : new Promise((resolve) => setImmediate(resolve))),
};

export const COMPRESSIONS = ['deflate-raw', 'gzip', 'zstd'] as const;
export type CompressionName = (typeof COMPRESSIONS)[number];

type Codec = (bytes: Uint8Array, options: zlib.ZlibOptions) => Promise<Buffer>;

const compressionOf = (name: string, compress: Codec, decompress: Codec): Compression => ({
  name,
  compress: (bytes) => compress(bytes, { level: 1 }),
  // One byte more than there should be: what is too long is found out, and not made room for.
  decompress: (bytes, rawBytes) => decompress(bytes, { maxOutputLength: rawBytes + 1 }),
});

/** By name: those that this side can read. */
export const compressions: readonly Compression[] = [
  compressionOf('deflate-raw', promisify(zlib.deflateRaw), promisify(zlib.inflateRaw)),
  compressionOf('gzip', promisify(zlib.gzip), promisify(zlib.gunzip)),
  zstd,
];

export const compressionNamed = (name: CompressionName): Compression =>
  compressions.find((candidate) => candidate.name === name) as Compression;
