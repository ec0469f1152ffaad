// The head of a trace.dat, and which version follows.
import { ByteCursor } from './byte-cursor.ts';
import type { DatDamage } from './dat-damage.ts';
import type { DatSource } from './dat-source.ts';
import { readLayoutV6 } from './layout-v6.ts';
import { type Layout, readLayoutV7 } from './layout-v7.ts';
import { unpackerOf } from './unpack.ts';

/** What every trace.dat begins with. */
export const DAT_MAGIC: readonly number[] = [
  0x17,
  0x08,
  0x44,
  ...[...'tracing'].map((letter) => letter.charCodeAt(0)),
];

/** Magic, version, endianness, long size, page size, compression, offset of the options: 37 bytes as a rule. */
const HEAD_BYTES = 256;
const LITTLE_ENDIAN = 0;
const MIN_PAGE_BYTES = 512;
const MAX_PAGE_BYTES = 1024 * 1024;

/** Throws a DatDamage where not even the head can be read; damage behind it is told to `onDamage`. */
export async function readLayout(
  source: DatSource,
  onDamage: (damage: DatDamage) => void,
): Promise<Layout> {
  const head = source.read(0, Math.min(source.size, HEAD_BYTES), 'head');
  const cursor = new ByteCursor(head, 0, 'head');
  cursor.bytes(DAT_MAGIC.length);
  const version = cursor.cString();
  if (version !== '6' && version !== '7') cursor.fail('version 6 or 7', JSON.stringify(version));
  if (cursor.u8() !== LITTLE_ENDIAN) cursor.fail('little-endian data', 'big-endian ones');
  cursor.u8();
  const pageSize = cursor.u32();
  if (pageSize < MIN_PAGE_BYTES || pageSize > MAX_PAGE_BYTES || pageSize % 4 !== 0) {
    cursor.fail('a page size', `${pageSize}`);
  }
  if (version === '7') return readLayoutV7(cursor, source, onDamage);
  const unpack = await unpackerOf('none', 0);
  return { file: readLayoutV6(source, cursor.at, pageSize), unpack };
}
