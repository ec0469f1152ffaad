// Packed parts of a trace.dat. A section is one chunk, the data of a CPU are many:
//
//   chunk           u32 packed size, u32 unpacked size, packed bytes
//   data of a CPU   u32 chunks, chunks; each is ten pages (40,960 bytes) by default; the last says so too and has fewer
//
// fzstd needs 1.7 ms for one, zstddec 0.07: hence a second zstd library beside the one for whole files.
import { inflateSync } from 'node:zlib';
import { ZSTDDecoder } from 'zstddec';
import { DatDamage } from './dat-damage.ts';

/** Unpacks one chunk to at most so many bytes, which begin at a whole word of a buffer; undefined if it is damaged. */
export type Unpack = (packed: Uint8Array, size: number) => Uint8Array | undefined;

/** A chunk is ten pages by default; text sections are one chunk of some megabytes. Beyond this it is damage. */
export const MAX_CHUNK_BYTES: number = 64 * 1024 * 1024;

const zstd = new ZSTDDecoder();

/** By the name in the file's head. */
export async function unpackerOf(name: string, byte: number): Promise<Unpack> {
  if (name === 'none') return (packed, size) => atMost(packed.slice(), size);
  if (name === 'zlib') return inflate;
  if (name !== 'zstd') {
    const expected = 'the compression none, zlib or zstd';
    throw new DatDamage({ byte, section: 'head', expected, got: JSON.stringify(name) });
  }
  await zstd.init();
  return (packed, size) => atMost(zstd.decode(packed, size), size);
}

function inflate(packed: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const { buffer, byteOffset, length } = inflateSync(packed, {
      maxOutputLength: Math.max(size, 1),
    });
    const bytes = new Uint8Array(buffer, byteOffset, length);
    return atMost(byteOffset % 4 === 0 ? bytes : bytes.slice(), size);
  } catch {
    return undefined;
  }
}

const atMost = (bytes: Uint8Array, size: number): Uint8Array | undefined =>
  bytes.length > 0 && bytes.length <= size ? bytes : undefined;
