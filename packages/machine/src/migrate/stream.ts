// The wire format, for a connection and for a file alike. Little-endian. docs/migration.md has the table for readers.
//
//   preamble   magic 8 | version u32 | its complement u32
//   record     kind u8 | flags u8 | 0 u16 | sequence u32 | length u32 | checksum of the payload u32 | of the 16 before it u32
//              payload, `length` bytes
//
// The checksum is the low half of XXH64 (checksum.ts); that the preamble does without lets any version know any other.
// Each direction of each connection is one stream, its records numbered from 0: one that is lost, doubled or moved is found
// out. The head has a checksum of its own, so that a wrong length is found before anybody waits for that many bytes.
import { MOST_SLOTS } from './shape.ts';

export const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x46, 0x4c, 0x4d, 0x0d, 0x0a, 0x1a, 0x0a);
export const VERSION = 3;
export const PREAMBLE_BYTES = 16;
export const HEAD_BYTES = 20;
/** Pages of one record at most; 256 KiB stay in a core's own cache between copy, checksum and write. */
export const BATCH_PAGES = 64;
/** Runs of zero pages in one record at most. */
export const MOST_RUNS = 4096;
export const MOST_TEXT = 1024;
export const NAME_BYTES = 16;
/** What is neither memory nor shape: registers, devices. Large buffers belong into the guest's memory. */
export const MOST_STATE_BYTES: number = 2 ** 26;
export const MACHINE_BYTES = 64;
/** Pages that are asked for in one record at most. */
export const MOST_WANTED = 64;

/** Of `pages`: the contents are compressed. */
export const FLAG_COMPRESSED = 1;
/** Of `header`: pages come of all the VMM's memory, not only of the slots'. */
export const FLAG_ALL_PAGES = 1;

export const HEADER_FIXED_BYTES: number = NAME_BYTES + MACHINE_BYTES + 7 * 4;
export const SLOT_BYTES = 16;

export type Kind =
  | 'header'
  | 'pages'
  | 'zeroPages'
  | 'roundEnd'
  | 'end'
  | 'ack'
  | 'digest'
  | 'handover'
  | 'error'
  | 'cancel'
  | 'state'
  | 'preview'
  | 'missing'
  | 'postcopy'
  | 'request';

interface KindLimits {
  readonly code: number;
  readonly least: number;
  readonly most: number;
}

const MOST_HEADER_BYTES: number = HEADER_FIXED_BYTES + MOST_SLOTS * SLOT_BYTES;
const MOST_RUNS_BYTES: number = MOST_RUNS * 8;

/** Number on the wire, and the least and most bytes of a payload for pages of `size` bytes. */
export const KINDS: Readonly<Record<Kind, KindLimits>> = {
  header: { code: 1, least: HEADER_FIXED_BYTES, most: MOST_HEADER_BYTES },
  pages: { code: 2, least: 8, most: 0 },
  zeroPages: { code: 3, least: 8, most: MOST_RUNS_BYTES },
  roundEnd: { code: 4, least: 4, most: 4 },
  end: { code: 5, least: 16, most: 16 },
  ack: { code: 6, least: 8, most: 8 },
  digest: { code: 7, least: 4, most: 4 },
  handover: { code: 8, least: 0, most: 0 },
  error: { code: 9, least: 0, most: MOST_TEXT },
  cancel: { code: 10, least: 0, most: MOST_TEXT },
  state: { code: 11, least: 0, most: MOST_STATE_BYTES },
  preview: { code: 12, least: 0, most: MOST_STATE_BYTES },
  missing: { code: 13, least: 8, most: MOST_RUNS_BYTES },
  postcopy: { code: 14, least: 0, most: 0 },
  request: { code: 15, least: 4, most: MOST_WANTED * 4 },
};

const KIND_OF_CODE = new Map<number, Kind>(
  (Object.keys(KINDS) as Kind[]).map((kind) => [KINDS[kind].code, kind]),
);
export const kindOfCode = (code: number): Kind | undefined => KIND_OF_CODE.get(code);

/** The most bytes that a payload may have. Compressed contents are sent only when they are the shorter ones. */
export const mostBytes = (kind: Kind, pageSize: number): number =>
  kind === 'pages' ? 4 + BATCH_PAGES * (4 + pageSize) : KINDS[kind].most;
