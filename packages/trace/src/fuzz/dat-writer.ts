// Writes small files of trace-cmd, of both versions, as the manual pages trace-cmd.dat.v6(5) and v7(5) describe them.
import { deflateSync } from 'node:zlib';

export interface CpuPages {
  readonly cpu: number;
  readonly pages: readonly Uint8Array[];
}

export interface DatContents {
  /** Format texts of one system. */
  readonly formats: readonly string[];
  readonly cpus: readonly CpuPages[];
  readonly tasks?: Readonly<Record<number, string>>;
  readonly clock?: string;
  /** per_cpu/cpuN/stats. */
  readonly stats?: readonly string[];
  /** Version 7: how sections and pages are packed. */
  readonly compression?: 'none' | 'zlib';
}

export const PAGE_BYTES = 4096;

const u16 = (value: number): Buffer => Buffer.from([value & 0xff, value >>> 8]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
};
const cString = (text: string): Buffer => Buffer.from(`${text}\0`);
const sized = (text: string): Buffer =>
  Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);

const HEADER_PAGE = [
  '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;',
  '\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;',
  '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;',
  '\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;',
  '',
].join('\n');

const headerInfo = (): Buffer =>
  Buffer.concat([cString('header_page'), sized(HEADER_PAGE), cString('header_event'), sized('#')]);
const ftraceFormats = (): Buffer => u32(0);
const eventFormats = (formats: readonly string[]): Buffer =>
  Buffer.concat([u32(1), cString('kvm'), u32(formats.length), ...formats.map(sized)]);
const commandLines = (tasks: Readonly<Record<number, string>> = {}): Buffer =>
  sized(
    Object.entries(tasks)
      .map(([pid, name]) => `${pid} ${name}\n`)
      .join(''),
  );
const magic = (version: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x17, 8, 0x44]),
    cString(`tracing${version}`),
    Buffer.from([0, 8]),
    u32(PAGE_BYTES),
  ]);
const option = (id: number, data: Uint8Array): Buffer =>
  Buffer.concat([u16(id), u32(data.length), data]);

export function datV6({ formats, cpus, tasks, clock = 'mono', stats = [] }: DatContents): Buffer {
  const head = Buffer.concat([
    magic('6'),
    headerInfo(),
    ftraceFormats(),
    eventFormats(formats),
    u32(0),
    u32(0),
    commandLines(tasks),
    u32(cpus.length),
    Buffer.from('options  \0'),
    option(4, cString(`local [${clock}]`)),
    ...stats.map((text) => option(2, cString(text))),
    u16(0),
    Buffer.from('flyrecord\0'),
  ]);
  const start = Math.ceil((head.length + 16 * cpus.length) / PAGE_BYTES) * PAGE_BYTES;
  let offset = start;
  const table = cpus.map(({ pages }) => {
    const entry = Buffer.concat([u64(offset), u64(pages.length * PAGE_BYTES)]);
    offset += pages.length * PAGE_BYTES;
    return entry;
  });
  // trace-cmd maps the pages into memory, so they begin at multiples of their size.
  const gap = Buffer.alloc(start - head.length - 16 * cpus.length);
  return Buffer.concat([head, ...table, gap, ...cpus.flatMap(({ pages }) => pages)]);
}

export function datV7(contents: DatContents): Buffer {
  const { formats, cpus, tasks, clock = 'mono', stats = [], compression = 'none' } = contents;
  const isPacked = compression === 'zlib';
  const parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer): number => {
    const at = length;
    parts.push(part);
    length += part.length;
    return at;
  };
  const chunk = (data: Uint8Array): Buffer => {
    const packed = deflateSync(data);
    return Buffer.concat([u32(packed.length), u32(data.length), packed]);
  };
  const section = (id: number, data: Buffer, packed = isPacked): number => {
    const body = packed ? chunk(data) : data;
    return add(Buffer.concat([u16(id), u16(packed ? 1 : 0), u32(0), u64(body.length), body]));
  };
  add(Buffer.concat([magic('7'), cString(compression), cString('1'), u64(0)]));
  const optionsAt = length - 8;
  const sections = [
    option(16, u64(section(16, headerInfo()))),
    option(17, u64(section(17, ftraceFormats()))),
    option(18, u64(section(18, eventFormats(formats)))),
    option(21, u64(section(21, commandLines(tasks)))),
    ...stats.map((text) => option(2, cString(text))),
  ];
  const bufferAt = add(Buffer.concat([u16(3), u16(isPacked ? 1 : 0), u32(0), u64(0)]));
  const table = cpus.map(({ cpu, pages }) => {
    const data = Buffer.concat(isPacked ? [u32(pages.length), ...pages.map(chunk)] : pages);
    // Its size is said without the count of chunks.
    return Buffer.concat([u32(cpu), u64(add(data)), u64(data.length - (isPacked ? 4 : 0))]);
  });
  const buffer = [
    u64(bufferAt),
    cString(''),
    cString(clock),
    u32(PAGE_BYTES),
    u32(cpus.length),
    ...table,
  ];
  const second = section(
    0,
    Buffer.concat([option(3, Buffer.concat(buffer)), option(0, u64(0))]),
    false,
  );
  const first = section(0, Buffer.concat([...sections, option(0, u64(second))]), false);
  const file = Buffer.concat(parts);
  file.writeBigUInt64LE(BigInt(first), optionsAt);
  return file;
}

/** A page: its time stamp, its entries, and how many events were lost before it, if any. */
export function page(
  time: number | bigint,
  entries: readonly Uint8Array[],
  lost?: number | 'unknown',
): Buffer {
  const data = Buffer.concat(entries);
  const flags = lost === undefined ? 0 : lost === 'unknown' ? 0x8000_0000 : 0xc000_0000;
  const head = Buffer.concat([u64(time), u64(data.length + flags), data]);
  const count = typeof lost === 'number' ? u64(lost) : Buffer.alloc(0);
  return Buffer.concat([head, count, Buffer.alloc(PAGE_BYTES - head.length - count.length)]);
}

const entryHead = (kind: number, delta: number): Buffer => u32(kind + delta * 32);

/** A record of at most 112 bytes, `delta` after the entry before. */
export const entry = (delta: number, record: Uint8Array): Buffer =>
  Buffer.concat([entryHead(record.length / 4, delta), record]);
/** A record of any length. */
export const longEntry = (delta: number, record: Uint8Array): Buffer =>
  Buffer.concat([entryHead(0, delta), u32(record.length + 4), record]);
/** A discarded event, header and length included. */
export const discarded = (delta: number, bytes: number): Buffer =>
  Buffer.concat([entryHead(29, delta), u32(bytes - 4), Buffer.alloc(bytes - 8)]);
export const timeExtend = (delta: number): Buffer =>
  Buffer.concat([entryHead(30, delta % 2 ** 27), u32(Math.floor(delta / 2 ** 27))]);
/** Of a time's 64 bits it holds 59. */
export const timeStamp = (time: bigint): Buffer =>
  Buffer.concat([
    entryHead(31, Number(time & 0x7ff_ffffn)),
    u32(Number((time >> 27n) & 0xffff_ffffn)),
  ]);

/** The common fields, then `fields`; as long as whole words. */
export function record(id: number, pid: number, fields: Uint8Array): Buffer {
  const bytes = Buffer.concat([u16(id), Buffer.from([0, 0]), u32(pid), fields]);
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

const COMMON = [
  '\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
  '\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
  '\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
  '\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
  '',
].join('\n');

/** The text of a format; `fields` as the kernel writes them. */
export const format = (
  name: string,
  id: number,
  fields: readonly string[],
  printFmt: string,
): string =>
  `name: ${name}\nID: ${id}\nformat:\n${COMMON}\n${fields.map((field) => `\tfield:${field}\n`).join('')}\nprint fmt: ${printFmt}\n`;
