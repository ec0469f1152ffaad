// zstd for pages: Node's own where it has one (from 22.15 on), else zstd's C code as WebAssembly, which is as fast as Node's deflate
// on one core. Both write and read the same frames.
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { Compression } from '@faultline/machine';

/** zstd's own scale, 1 to 22: the fastest of the plain levels. */
const LEVEL = 1;

type Codec = (
  bytes: Uint8Array,
  options: { maxOutputLength?: number; params?: Record<number, number> },
) => Promise<Uint8Array>;

interface LaterZlib {
  readonly zstdCompress?: typeof zlib.deflateRaw;
  readonly zstdDecompress?: typeof zlib.inflateRaw;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}

/** Node's, or undefined where it has none. */
function ofNode({ zstdCompress, zstdDecompress, constants }: LaterZlib): Compression | undefined {
  if (zstdCompress === undefined || zstdDecompress === undefined) return undefined;
  const compress = promisify(zstdCompress) as unknown as Codec;
  const decompress = promisify(zstdDecompress) as unknown as Codec;
  const params = { [constants.ZSTD_c_compressionLevel]: LEVEL };
  return {
    name: 'zstd',
    compress: (bytes) => compress(bytes, { params }),
    decompress: (bytes, rawBytes) => decompress(bytes, { maxOutputLength: rawBytes + 1 }),
  };
}

let loaded: Promise<typeof import('@bokuweb/zstd-wasm')> | undefined;

/** Not before somebody asks for it: it is 300 KiB of WebAssembly. */
async function load(): Promise<typeof import('@bokuweb/zstd-wasm')> {
  const library = await import('@bokuweb/zstd-wasm');
  await library.init();
  return library;
}

const library = (): Promise<typeof import('@bokuweb/zstd-wasm')> => {
  loaded ??= load();
  return loaded;
};

/** The same as WebAssembly. */
export const ofWebAssembly: Compression = {
  name: 'zstd',
  compress: async (bytes) => (await library()).compress(bytes, LEVEL),
  async decompress(bytes, rawBytes) {
    // Before room is made for it: a frame may claim any size.
    const stated = contentSize(bytes);
    if (stated !== BigInt(rawBytes)) {
      throw new Error(`expected a zstd frame of ${rawBytes} bytes, got ${stated ?? 'none'}`);
    }
    return (await library()).decompress(bytes);
  },
};

export const zstd: Compression = ofNode(zlib as unknown as LaterZlib) ?? ofWebAssembly;

const MAGIC = 0xfd2f_b528;

/** What a frame says that it holds; undefined where it is none, or does not say. RFC 8878, 3.1.1.1. */
function contentSize(bytes: Uint8Array): bigint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 14 || view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const window = isSingleSegment ? 0 : 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  const at = 5 + window + dictionary;
  switch (descriptor >> 6) {
    case 0:
      return isSingleSegment ? BigInt(view.getUint8(at)) : undefined;
    case 1:
      return BigInt(view.getUint16(at, true) + 256);
    case 2:
      return BigInt(view.getUint32(at, true));
    default:
      return at + 8 <= bytes.length ? view.getBigUint64(at, true) : undefined;
  }
}
