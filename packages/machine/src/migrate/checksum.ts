// CRC-32 as Ethernet and gzip have it: of every record, and of all the guest's memory.
import crc32OfLibrary from 'crc-32';

/** CRC-32 of `bytes`, unsigned; `seed` is the checksum of what came before them. Node: `crc32` of node:zlib. */
export type Checksum = (bytes: Uint8Array, seed?: number) => number;

/** For browsers, and Nodes without a native one: some hundred megabytes a second. */
export const portableChecksum: Checksum = (bytes, seed = 0) =>
  crc32OfLibrary.buf(bytes, seed) >>> 0;
