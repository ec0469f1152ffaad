// The records' payloads, between bytes and values.
import { MigrationError } from './failure.ts';
import { complaintOf, type Shape, type SlotShape } from './shape.ts';
import {
  BATCH_PAGES,
  FLAG_ALL_PAGES,
  FLAG_COMPRESSED,
  HEADER_FIXED_BYTES,
  type Kind,
  MACHINE_BYTES,
  NAME_BYTES,
  SLOT_BYTES,
} from './stream.ts';

export interface Header {
  readonly shape: Shape;
  /** The same for all connections of one migration, and for no other's. */
  readonly session: number;
  /** Which connection this is, of how many. */
  readonly channel: number;
  readonly channels: number;
  /** Name of the compression that page records may use; empty: none. */
  readonly compression: string;
  /** What the guest is, for a destination that runs it; at most 64 characters, empty: memory alone. */
  readonly machine: string;
  /** The guest may be handed over before all its pages are there. */
  readonly mayPostcopy: boolean;
}

/** Visits the pages of runs that have to be in order, none overlapping the one before, below `pages`. Throws what is wrong with them. */
export function forEachPage(
  { runs, offset }: { readonly runs: Uint32Array; readonly offset: number },
  pages: number,
  visit: (hvn: number) => void,
): void {
  let next = 0;
  for (let run = 0; run < runs.length; run += 2) {
    const [hvn = 0, count = 0] = runs.subarray(run, run + 2);
    // Else one record could ask for all of memory four thousand times.
    if (hvn < next) throw damaged(offset, `runs in order, ${next} or later`, `one from ${hvn} on`);
    next = hvn + count;
    if (next > pages) throw damaged(offset, `pages below ${pages}`, `${count} from ${hvn} on`);
    for (let page = hvn; page < next; page++) visit(page);
  }
}

/** What a stream sent in all. */
export interface Totals {
  /** Records before this one. */
  readonly records: number;
  /** Pages with contents, and zero pages; a page sent twice counts twice. */
  readonly pages: number;
  readonly zeroPages: number;
  /** Checksum of the heads of all records before this one. */
  readonly digest: number;
}

/** What an `ack` answers: a header (0), the end of round n (n), the end of the stream (END_ACK). */
export const END_ACK = 0xffff_ffff;
/** ... or `postcopy`: the guest may be handed over. */
export const POSTCOPY_ACK = 0xffff_fffe;
/** ... or nothing: the destination is at work, and nothing else moves. */
export const BUSY_ACK = 0xffff_fffd;

/** `offset`: of the record's head in its stream. Arrays are views that the next record overwrites. */
export type StreamRecord = { readonly offset: number } & (
  | { readonly kind: 'header'; readonly header: Header }
  | {
      readonly kind: 'pages';
      readonly hvns: Uint32Array;
      readonly contents: Uint8Array;
      readonly compressed: boolean;
    }
  | { readonly kind: 'zeroPages'; readonly runs: Uint32Array }
  | { readonly kind: 'roundEnd'; readonly round: number }
  | { readonly kind: 'end'; readonly totals: Totals }
  | { readonly kind: 'ack'; readonly of: number; readonly pages: number }
  | { readonly kind: 'digest'; readonly digest: number }
  | { readonly kind: 'handover' }
  | { readonly kind: 'missing'; readonly runs: Uint32Array }
  | { readonly kind: 'postcopy' }
  | { readonly kind: 'request'; readonly hvns: Uint32Array }
  | { readonly kind: 'error' | 'cancel'; readonly text: string }
  | { readonly kind: 'state'; readonly state: Uint8Array }
  | { readonly kind: 'preview'; readonly state: Uint8Array }
);

const NUMBERS_AT: number = NAME_BYTES + MACHINE_BYTES;

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

/** Numbers one after the other, 32 bits each. */
export function numbersPayload(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = viewOf(bytes);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
  return bytes;
}

export function headerPayload({ shape, ...header }: Header): Uint8Array {
  const name = textPayload(header.compression.padEnd(NAME_BYTES, '\0'));
  const machine = textPayload(header.machine.padEnd(MACHINE_BYTES, '\0'));
  const numbers = numbersPayload(
    header.session,
    header.channel,
    header.channels,
    header.mayPostcopy ? 1 : 0,
    shape.pages,
    shape.pageSize,
    shape.slots.length,
    ...shape.slots.flatMap(({ id, gfn, npages, hvn }) => [id, gfn, npages, hvn]),
  );
  const bytes = new Uint8Array(NUMBERS_AT + numbers.length);
  bytes.set(name.subarray(0, NAME_BYTES));
  bytes.set(machine.subarray(0, MACHINE_BYTES), NAME_BYTES);
  bytes.set(numbers, NUMBERS_AT);
  return bytes;
}

/** One byte a character; what is beyond Latin-1 becomes a question mark. */
export const textPayload = (text: string): Uint8Array =>
  Uint8Array.from(text, (letter) => {
    const code = letter.charCodeAt(0);
    return code < 256 ? code : 63;
  });

/** Latin-1, what a terminal would act on replaced. */
const textOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (code) => (code < 32 ? '.' : String.fromCharCode(code))).join('');

interface Place {
  readonly kind: Kind;
  readonly flags: number;
  readonly offset: number;
  /** Bytes of a page, as the header said. */
  readonly pageSize: number;
}

/** Reads a payload whose checksum is right and whose length is within its kind's limits; `bytes` begins at a multiple of 8. */
export function parsePayload(place: Place, bytes: Uint8Array): StreamRecord {
  const { kind, offset } = place;
  const view = viewOf(bytes);
  switch (kind) {
    case 'header':
      return { kind, offset, header: parseHeader(place, bytes) };
    case 'pages':
      return parsePages(place, bytes);
    case 'zeroPages':
    case 'missing':
      if (bytes.length % 8 !== 0) throw damaged(offset, 'whole runs', `${bytes.length} bytes`);
      return { kind, offset, runs: wordsOf(bytes, 0, bytes.length >> 2) };
    case 'roundEnd':
      return { kind, offset, round: view.getUint32(0, true) };
    case 'end': {
      const [records, pages, zeroPages, digest] = [0, 4, 8, 12].map((at) =>
        view.getUint32(at, true),
      ) as [number, number, number, number];
      return { kind, offset, totals: { records, pages, zeroPages, digest } };
    }
    case 'ack':
      return { kind, offset, of: view.getUint32(0, true), pages: view.getUint32(4, true) };
    case 'digest':
      return { kind, offset, digest: view.getUint32(0, true) };
    case 'handover':
    case 'postcopy':
      return { kind, offset };
    case 'request':
      if (bytes.length % 4 !== 0) throw damaged(offset, 'whole numbers', `${bytes.length} bytes`);
      return { kind, offset, hvns: wordsOf(bytes, 0, bytes.length >> 2) };
    case 'error':
    case 'cancel':
      return { kind, offset, text: textOf(bytes) };
    case 'state':
    case 'preview':
      return { kind, offset, state: bytes };
  }
}

export const damaged = (offset: number, expected: string, got: string): MigrationError =>
  new MigrationError('damaged', `byte ${offset}: expected ${expected}, got ${got}`);

/** The hosts of JavaScript are little-endian, as the stream is. */
const wordsOf = ({ buffer, byteOffset }: Uint8Array, at: number, count: number): Uint32Array =>
  new Uint32Array(buffer, byteOffset + at, count);

function parsePages({ flags, offset, pageSize }: Place, bytes: Uint8Array): StreamRecord {
  const count = viewOf(bytes).getUint32(0, true);
  if (!(count >= 1 && count <= BATCH_PAGES)) {
    throw damaged(offset, `1 to ${BATCH_PAGES} pages in a record`, String(count));
  }
  const compressed = (flags & FLAG_COMPRESSED) !== 0;
  const head = 4 + count * 4;
  const whole = head + count * pageSize;
  if (compressed ? bytes.length <= head || bytes.length >= whole : bytes.length !== whole) {
    const expected = `${compressed ? `${head + 1} to ${whole - 1}` : whole} bytes for ${count} pages`;
    throw damaged(offset, expected, String(bytes.length));
  }
  const contents = bytes.subarray(head);
  return { kind: 'pages', offset, hvns: wordsOf(bytes, 4, count), contents, compressed };
}

function parseHeader({ flags, offset }: Place, bytes: Uint8Array): Header {
  const view = viewOf(bytes);
  const number = (index: number): number => view.getUint32(NUMBERS_AT + index * 4, true);
  const [session, channel, channels] = [number(0), number(1), number(2)];
  const mayPostcopy = number(3) === 1;
  const count = number(6);
  const length = HEADER_FIXED_BYTES + count * SLOT_BYTES;
  if (bytes.length !== length) {
    throw damaged(offset, `${length} bytes for ${count} slots`, String(bytes.length));
  }
  const slots = Array.from({ length: count }, (_, slot): SlotShape => {
    const at = 7 + slot * 4;
    return { id: number(at), gfn: number(at + 1), npages: number(at + 2), hvn: number(at + 3) };
  });
  const all = (flags & FLAG_ALL_PAGES) !== 0;
  const shape = { pages: number(4), pageSize: number(5), slots, ...(all && { allPages: true }) };
  const complaint = complaintOf(shape);
  if (complaint !== undefined) {
    const [expected = '', got = ''] = complaint.split(', got ');
    throw damaged(offset, expected, got);
  }
  if (!(channels >= 1 && channels <= MOST_CHANNELS && channel < channels)) {
    throw damaged(offset, `a connection of 1 to ${MOST_CHANNELS}`, `${channel} of ${channels}`);
  }
  const compression = textOf(bytes.subarray(0, NAME_BYTES)).replace(/\.+$/, '');
  const machine = textOf(bytes.subarray(NAME_BYTES, NUMBERS_AT)).replace(/\.+$/, '');
  return { shape, session, channel, channels, compression, machine, mayPostcopy };
}

/** cloud-hypervisor's limit too. */
export const MOST_CHANNELS = 128;
