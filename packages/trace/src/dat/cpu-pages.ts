// The ring-buffer pages of one CPU, one after the other, of which only some are in memory at once: a packed chunk, or a block
// of unpacked pages.
import { DatDamage } from './dat-damage.ts';
import type { CpuData } from './dat-file.ts';
import type { DatSource } from './dat-source.ts';
import { MAX_CHUNK_BYTES, type Unpack } from './unpack.ts';

/** So much is read at once. */
const BLOCK_BYTES = 256 * 1024;
const CHUNK_HEAD_BYTES = 8;
/** Which trace-cmd (3.1.6) leaves out of the size of a CPU's data. */
const CHUNK_COUNT_BYTES = 4;

/** Some whole pages. */
export interface Pages {
  readonly bytes: Uint8Array;
  /** Byte of the file where they, or the packed data that they come from, begin. */
  readonly origin: number;
}

/** In order. A chunk that cannot be unpacked is told and passed over; where a size is wrong, the CPU's data end. */
export function* cpuPages(
  data: CpuData,
  source: DatSource,
  unpack: Unpack,
  onDamage: (damage: DatDamage) => void,
): Generator<Pages> {
  const section = `data of CPU ${data.cpu}`;
  const blocks = new Blocks(data, source, section);
  try {
    yield* data.packed ? unpacked(blocks, unpack, section, onDamage) : plain(blocks, data);
  } catch (error) {
    if (!(error instanceof DatDamage)) throw error;
    onDamage(error);
  }
}

function* plain(blocks: Blocks, { pageSize }: CpuData): Generator<Pages> {
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / pageSize)) * pageSize;
  while (blocks.left > 0) {
    const origin = blocks.at;
    // Of a file that is cut, the pages that it still has; the next take says so.
    const there = Math.floor(blocks.there / pageSize) * pageSize || blocks.left;
    yield { bytes: blocks.take(Math.min(perBlock, blocks.left, there)).slice(), origin };
  }
}

function* unpacked(
  blocks: Blocks,
  unpack: Unpack,
  section: string,
  onDamage: (damage: DatDamage) => void,
): Generator<Pages> {
  const count = u32(blocks.take(CHUNK_COUNT_BYTES), 0);
  for (let n = 0; n < count; n++) {
    const origin = blocks.at;
    const head = blocks.take(CHUNK_HEAD_BYTES);
    const packedSize = u32(head, 0);
    const size = u32(head, 4);
    const larger = Math.max(packedSize, size);
    if (larger > MAX_CHUNK_BYTES) {
      const expected = `a chunk of at most ${MAX_CHUNK_BYTES} bytes`;
      throw new DatDamage({ byte: origin, section, expected, got: `${larger}` });
    }
    const bytes = unpack(blocks.take(packedSize), size);
    if (bytes !== undefined) yield { bytes, origin };
    else {
      const expected = `a chunk that unpacks to ${size} bytes`;
      onDamage(new DatDamage({ byte: origin, section, expected, got: 'damaged data' }));
    }
  }
}

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)) >>>
  0;

/** The data of one CPU in blocks; never beyond its size. */
class Blocks {
  readonly #source: DatSource;
  readonly #section: string;
  readonly #end: number;
  #block: Uint8Array = new Uint8Array(0);
  #blockAt: number;
  /** Byte of the file that comes next. */
  at: number;

  constructor({ offset, size, packed }: CpuData, source: DatSource, section: string) {
    this.#source = source;
    this.#section = section;
    this.#end = offset + size + (packed ? CHUNK_COUNT_BYTES : 0);
    this.#blockAt = offset;
    this.at = offset;
  }

  /** Bytes that are still due. */
  get left(): number {
    return this.#end - this.at;
  }

  /** Bytes from here on that the file has. */
  get there(): number {
    return Math.max(0, this.#source.size - this.at);
  }

  /** Valid until the next call. */
  take(length: number): Uint8Array {
    const from = this.at;
    if (from + length > this.#end) {
      const got = `${this.#end - from} before the end of the CPU's data`;
      const expected = `${length} bytes`;
      throw new DatDamage({ byte: from, section: this.#section, expected, got });
    }
    if (from + length > this.#blockAt + this.#block.length) {
      const size = Math.max(length, Math.min(BLOCK_BYTES, this.left, this.there));
      this.#block = this.#source.read(from, size, this.#section);
      this.#blockAt = from;
    }
    this.at = from + length;
    return this.#block.subarray(from - this.#blockAt, this.at - this.#blockAt);
  }
}
