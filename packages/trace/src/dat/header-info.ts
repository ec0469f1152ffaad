// The parts that both versions have: the heads' descriptions, the formats, the options.
import type { ByteCursor } from './byte-cursor.ts';
import type { DatFile } from './dat-file.ts';
import { pageLayout } from './page-layout.ts';

/** `header_page` and `header_event`, each a text with its length before it. */
export function readHeaderInfo(cursor: ByteCursor, file: DatFile): void {
  cursor.expectText('header_page\0');
  file.page = pageLayout(cursor.text(cursor.u64()));
  cursor.expectText('header_event\0');
  cursor.bytes(cursor.u64());
}

/** Formats of ftrace's own events: a count, then texts. */
export function readFtraceFormats(cursor: ByteCursor, file: DatFile): void {
  for (let left = cursor.u32(); left > 0; left--) file.addFormat(cursor.text(cursor.u64()));
}

/** Formats by system: `kvm`, 93 texts; `kvmmmu`, 18 texts; ... */
export function readEventFormats(cursor: ByteCursor, file: DatFile): void {
  for (let systems = cursor.u32(); systems > 0; systems--) {
    cursor.cString();
    readFtraceFormats(cursor, file);
  }
}

/** Numbers of the options that mean the same in both versions. */
export const OPTION = { done: 0, cpuStats: 2, buffer: 3, traceClock: 4, uname: 5 } as const;

/** Takes what is of use here. */
export function readOption(id: number, text: () => string, file: DatFile): void {
  if (id === OPTION.cpuStats) file.addCpuStats(text());
  if (id === OPTION.traceClock) file.addClocks(text());
  if (id === OPTION.uname) file.kernel = text().replace(/\0.*$/s, '');
}
