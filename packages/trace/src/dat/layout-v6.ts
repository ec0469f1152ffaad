// trace.dat, version 6: one part after the other. Built from the manual page trace-cmd.dat.v6(5); no file that a real
// trace-cmd wrote has been read with it, only those that its test writes.
//
//   head       0x17 0x08 0x44 "tracing" "6\0"  endianness  long size  u32 page size
//   header_page, header_event, ftrace formats, event formats            as in version 7, unpacked
//   kallsyms   u32 size, text     printk   u32 size, text     command lines   u64 size, text     u32 CPUs
//   "options  \0", u16 id, u32 size, data, ..., id 0; then what follows it
//   "flyrecord\0", per CPU: u64 offset, u64 size
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

/** Formats, symbols and names: some fifteen megabytes as a rule. How many is only known when they have been read. */
const HEAD_BYTES = 16 * 1024 * 1024;
const MAX_HEAD_BYTES = 256 * 1024 * 1024;
const MAX_CPUS = 8192;

/** `at` is behind the page size. */
export function readLayoutV6(source: DatSource, at: number, pageSize: number): DatFile {
  for (let length = HEAD_BYTES; ; length *= 4) {
    const isAll = at + length >= source.size || length >= MAX_HEAD_BYTES;
    const bytes = source.read(at, Math.min(length, source.size - at), 'head');
    try {
      return readHead(new ByteCursor(bytes, at, 'head'), pageSize);
    } catch (error) {
      if (isAll || !(error instanceof DatDamage)) throw error;
    }
  }
}

function readHead(cursor: ByteCursor, pageSize: number): DatFile {
  const file = new DatFile(6);
  readHeaderInfo(cursor, file);
  readFtraceFormats(cursor, file);
  readEventFormats(cursor, file);
  cursor.bytes(cursor.u32());
  cursor.bytes(cursor.u32());
  file.addTasks(cursor.text(cursor.u64()));
  const cpus = cursor.u32();
  if (cpus > MAX_CPUS) cursor.fail(`at most ${MAX_CPUS} CPUs`, `${cpus}`);
  readData(cursor, file, cpus, pageSize);
  return file;
}

function readData(cursor: ByteCursor, file: DatFile, cpus: number, pageSize: number): void {
  let kind = cursor.cString();
  if (kind === 'options  ') {
    readOptions(cursor, file);
    kind = cursor.cString();
  }
  if (kind !== 'flyrecord') cursor.fail('"flyrecord"', JSON.stringify(kind));
  for (let cpu = 0; cpu < cpus; cpu++) {
    const offset = cursor.u64();
    const size = cursor.u64();
    if (size > 0) file.cpus.push({ cpu, offset, size, pageSize, packed: false });
  }
}

function readOptions(cursor: ByteCursor, file: DatFile): void {
  for (;;) {
    const id = cursor.u16();
    if (id === OPTION.done) return;
    const size = cursor.u32();
    const body = cursor.bytes(size);
    readOption(id, () => new TextDecoder().decode(body), file);
  }
}
