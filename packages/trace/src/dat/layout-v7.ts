// trace.dat, version 7: sections that options point to. Format: the manual page trace-cmd.dat.v7(5).
//
//   head       0x17 0x08 0x44 "tracing" "7\0"  endianness  long size  u32 page size  compression "zstd\0" "1.5.4\0"
//              u64 offset of the first options section
//   section    u16 id  u16 flags (1: packed, as unpack.ts says)  u32 description  u64 size  data
//   options    u16 id  u32 size  data; the last, id 0, holds the offset of the next options section or 0
//   buffer     option 3: u64 offset of the section, name, clock, u32 page size, u32 CPUs, per CPU: u32 number, u64 offset, u64 size
import { ByteCursor } from './byte-cursor.ts';
import { DatDamage } from './dat-damage.ts';
import { DatFile } from './dat-file.ts';
import type { DatSource } from './dat-source.ts';
import {
  OPTION,
  readEventFormats,
  readFtraceFormats,
  readHeaderInfo,
  readOption,
} from './header-info.ts';
import { MAX_CHUNK_BYTES, type Unpack, unpackerOf } from './unpack.ts';

const SECTION_HEAD_BYTES = 16;
const PACKED = 1;
const MAX_OPTION_SECTIONS = 1000;
const CHUNK_COUNT_BYTES = 4;
/** x86's. */
const SALVAGED_PAGE_BYTES = 4096;

/** Options that hold the offset of a section, and what to do with the section. */
const SECTIONS: ReadonlyMap<
  number,
  readonly [string, (cursor: ByteCursor, file: DatFile) => void]
> = new Map([
  [16, ['header info', readHeaderInfo]],
  [17, ['ftrace formats', readFtraceFormats]],
  [18, ['event formats', readEventFormats]],
  [21, ['command lines', (cursor, file) => file.addTasks(cursor.text(cursor.u64()))]],
]);

export interface Layout {
  readonly file: DatFile;
  readonly unpack: Unpack;
}

/** `cursor` stands behind the page size. What is damaged is told to `onDamage`, and the remainder read. */
export async function readLayoutV7(
  cursor: ByteCursor,
  source: DatSource,
  onDamage: (damage: DatDamage) => void,
): Promise<Layout> {
  const name = cursor.cString();
  cursor.cString();
  const unpack = await unpackerOf(name, cursor.at);
  const reader = new LayoutV7(source, unpack, onDamage);
  reader.readOptions(cursor.u64());
  return { file: reader.file, unpack };
}

class LayoutV7 {
  readonly file = new DatFile(7);
  readonly #source: DatSource;
  readonly #unpack: Unpack;
  readonly #onDamage: (damage: DatDamage) => void;

  constructor(source: DatSource, unpack: Unpack, onDamage: (damage: DatDamage) => void) {
    this.#source = source;
    this.#unpack = unpack;
    this.#onDamage = onDamage;
  }

  readOptions(first: number): void {
    const seen = new Set<number>();
    let at = first;
    while (at !== 0 && !seen.has(at) && seen.size < MAX_OPTION_SECTIONS) {
      seen.add(at);
      at = this.#guarded(() => this.#optionSection(at)) ?? 0;
    }
    if (this.file.cpus.length === 0) this.#guarded(() => this.#salvage(first));
  }

  /**
   * The option that says where the CPUs' data lie is written last, so a file that is cut lacks it. The data come behind the
   * first options, each CPU's at the beginning of a page; packed, each says how many chunks it has.
   */
  #salvage(firstOptions: number): void {
    const options = this.#head(firstOptions, 'options');
    let at = firstOptions + SECTION_HEAD_BYTES + options.size;
    const buffer = this.#head(at, 'buffer');
    if (buffer.id !== OPTION.buffer || !buffer.packed) return;
    at += SECTION_HEAD_BYTES;
    for (let cpu = 0; ; cpu++) {
      at = Math.ceil(at / SALVAGED_PAGE_BYTES) * SALVAGED_PAGE_BYTES;
      const end = this.#endOfChunks(at);
      if (end === undefined) return;
      const size = end - at - CHUNK_COUNT_BYTES;
      const pageSize = SALVAGED_PAGE_BYTES;
      this.file.cpus.push({ cpu, offset: at, size, pageSize, packed: true });
      at = end;
    }
  }

  /** Perhaps beyond the end of the file; undefined if no chunks begin here. */
  #endOfChunks(at: number): number | undefined {
    const u32 = (from: number): number =>
      new ByteCursor(this.#source.read(from, 4, 'cut data'), from, 'cut data').u32();
    if (at + 12 > this.#source.size) return undefined;
    let end = at + CHUNK_COUNT_BYTES;
    for (let left = u32(at); left > 0; left--) {
      if (end + 8 > this.#source.size) return end + 8;
      const packedSize = u32(end);
      if (packedSize === 0 || packedSize > MAX_CHUNK_BYTES) return undefined;
      end += 8 + packedSize;
    }
    return end;
  }

  #head(at: number, name: string): { id: number; packed: boolean; size: number } {
    const head = new ByteCursor(this.#source.read(at, SECTION_HEAD_BYTES, name), at, name);
    const id = head.u16();
    const packed = (head.u16() & PACKED) !== 0;
    head.u32();
    return { id, packed, size: head.u64() };
  }

  /** Offset of the next one, or 0. */
  #optionSection(at: number): number {
    const cursor = this.#section(at, 'options', OPTION.done);
    for (;;) {
      const id = cursor.u16();
      const size = cursor.u32();
      if (id === OPTION.done) return size === 8 ? cursor.u64() : 0;
      const from = at + SECTION_HEAD_BYTES + cursor.at;
      const body = new ByteCursor(cursor.bytes(size), from, `option ${id}`);
      this.#guarded(() => this.#option(id, size, body));
    }
  }

  #option(id: number, size: number, body: ByteCursor): void {
    const section = SECTIONS.get(id);
    if (section !== undefined) {
      const [name, read] = section;
      read(this.#section(body.u64(), name, id), this.file);
    } else if (id === OPTION.buffer) {
      this.#buffer(body);
    } else {
      readOption(id, () => body.text(size), this.file);
    }
  }

  #buffer(body: ByteCursor): void {
    const at = body.u64();
    body.cString();
    this.file.clock = body.cString() || this.file.clock;
    const pageSize = body.u32();
    const head = new ByteCursor(this.#source.read(at, SECTION_HEAD_BYTES, 'buffer'), at, 'buffer');
    if (head.u16() !== OPTION.buffer) head.fail(`a section with id ${OPTION.buffer}`, 'another');
    const packed = (head.u16() & PACKED) !== 0;
    for (let left = body.u32(); left > 0; left--) {
      const cpu = body.u32();
      const offset = body.u64();
      const size = body.u64();
      if (size > 0) this.file.cpus.push({ cpu, offset, size, pageSize, packed });
    }
  }

  /** The data of the section at `at`, unpacked. */
  #section(at: number, name: string, expectedId: number): ByteCursor {
    const head = new ByteCursor(this.#source.read(at, SECTION_HEAD_BYTES, name), at, name);
    const id = head.u16();
    if (id !== expectedId) head.fail(`a section with id ${expectedId}`, `id ${id}`);
    const packed = (head.u16() & PACKED) !== 0;
    head.u32();
    const size = head.u64();
    const from = at + SECTION_HEAD_BYTES;
    const data = this.#source.read(from, size, name);
    return new ByteCursor(packed ? this.#unpackSection(data, from, name) : data, from, name);
  }

  #unpackSection(data: Uint8Array, base: number, name: string): Uint8Array {
    const cursor = new ByteCursor(data, base, name);
    const packedSize = cursor.u32();
    const size = cursor.u32();
    if (size > MAX_CHUNK_BYTES) cursor.fail(`at most ${MAX_CHUNK_BYTES} bytes`, `${size}`);
    return (
      this.#unpack(cursor.bytes(packedSize), size) ??
      cursor.fail(`data that unpack to ${size} bytes`, 'damaged data')
    );
  }

  #guarded<Result>(step: () => Result): Result | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof DatDamage)) throw error;
      this.#onDamage(error);
      return undefined;
    }
  }
}
