// Bytes in, in pieces of any size; whole, checked records out. Holds one record at most.
import type { Checksum } from './checksum.ts';
import { MigrationError } from './failure.ts';
import { damaged, parsePayload, type StreamRecord } from './records.ts';
import {
  HEAD_BYTES,
  KINDS,
  type Kind,
  kindOfCode,
  MAGIC,
  mostBytes,
  PREAMBLE_BYTES,
  VERSION,
} from './stream.ts';

/** Before a header has said how large pages are, no record may have more than a header has. */
const NO_PAGES = 0;

interface Head {
  readonly kind: Kind;
  readonly flags: number;
  readonly length: number;
  readonly checksum: number;
}

export class StreamDecoder {
  readonly #checksum: Checksum;
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #headView = new DataView(this.#head.buffer);
  #payload = new Uint8Array(0);
  #pageSize = NO_PAGES;
  /** What is being gathered: the preamble, a head, or that head's payload. */
  #awaits: 'preamble' | 'head' | Head = 'preamble';
  #gathered = 0;
  /** Of the next byte to come; of the preamble, head or payload that is being gathered. */
  #offset = 0;
  #recordAt = 0;
  #sequence = 0;
  #digest = 0;

  constructor(checksum: Checksum) {
    this.#checksum = checksum;
  }

  /** Bytes taken in. */
  get offset(): number {
    return this.#offset;
  }

  /** Records given out, and the checksum of their heads, those of the last one left out. */
  get totals(): { readonly records: number; readonly digest: number } {
    return this.#before;
  }
  #before = { records: 0, digest: 0 };

  /** The records that `chunk` completes. Each is good until the next is asked for. Throws a MigrationError. */
  *push(chunk: Uint8Array): Generator<StreamRecord, void> {
    let at = 0;
    while (at < chunk.length) {
      const target = this.#target();
      const piece = chunk.subarray(at, at + target.length - this.#gathered);
      target.set(piece, this.#gathered);
      at += piece.length;
      this.#gathered += piece.length;
      this.#offset += piece.length;
      if (this.#gathered < target.length) return;
      this.#gathered = 0;
      const record = this.#complete(target);
      if (record !== undefined) yield record;
    }
  }

  /** There are no more bytes. Throws when that is in the middle of a record, or before the first. */
  end(): void {
    if (this.#awaits === 'head' && this.#gathered === 0) return;
    const missing = this.#target().length - this.#gathered;
    const of =
      typeof this.#awaits === 'string' ? `a ${this.#awaits}` : `a ${this.#awaits.kind} record`;
    throw new MigrationError(
      'closed',
      `byte ${this.#offset}: expected ${missing} more bytes of ${of}, got the end`,
    );
  }

  #target(): Uint8Array {
    if (this.#awaits === 'preamble') return this.#head.subarray(0, PREAMBLE_BYTES);
    if (this.#awaits === 'head') return this.#head;
    return this.#payload.subarray(0, this.#awaits.length);
  }

  #complete(bytes: Uint8Array): StreamRecord | undefined {
    if (this.#awaits === 'preamble') {
      this.#checkPreamble();
      this.#awaits = 'head';
      return undefined;
    }
    if (this.#awaits === 'head') {
      this.#recordAt = this.#offset - HEAD_BYTES;
      const head = this.#parseHead();
      this.#reserve(head.length);
      if (head.length > 0) {
        this.#awaits = head;
        return undefined;
      }
      return this.#record(head, bytes.subarray(0, 0));
    }
    return this.#record(this.#awaits, bytes);
  }

  #record(head: Head, payload: Uint8Array): StreamRecord {
    this.#awaits = 'head';
    const offset = this.#recordAt;
    const sum = this.#checksum(payload);
    if (sum !== head.checksum) {
      throw damaged(offset, `a payload of checksum ${hex(head.checksum)}`, hex(sum));
    }
    const { kind, flags } = head;
    const record = parsePayload({ kind, flags, offset, pageSize: this.#pageSize }, payload);
    if (record.kind === 'header') this.#pageSize = record.header.shape.pageSize;
    this.#before = { records: this.#sequence, digest: this.#digest };
    this.#sequence++;
    this.#digest = this.#checksum(this.#head, this.#digest);
    return record;
  }

  #checkPreamble(): void {
    if (MAGIC.some((byte, index) => this.#head[index] !== byte)) {
      const got = Array.from(this.#head.subarray(0, 8), (byte) =>
        byte.toString(16).padStart(2, '0'),
      );
      throw damaged(0, 'a migration stream (89 46 4c 4d 0d 0a 1a 0a)', got.join(' '));
    }
    const version = this.#headView.getUint32(8, true);
    const complement = this.#headView.getUint32(12, true);
    if (~complement >>> 0 !== version) {
      throw damaged(8, 'a version, then its complement', `${hex(version)} ${hex(complement)}`);
    }
    if (version === VERSION) return;
    throw new MigrationError(
      'version',
      `byte 8: expected version ${VERSION} of the stream, which this Faultline speaks, got version ${version}`,
    );
  }

  #parseHead(): Head {
    const view = this.#headView;
    const stated = view.getUint32(16, true);
    const sum = this.#checksum(this.#head.subarray(0, 16));
    if (sum !== stated)
      throw damaged(this.#recordAt, `a head of checksum ${hex(stated)}`, hex(sum));
    const sequence = view.getUint32(4, true);
    if (sequence !== this.#sequence) {
      throw damaged(this.#recordAt, `record ${this.#sequence}`, `record ${sequence}`);
    }
    const kind = kindOfCode(view.getUint8(0));
    if (kind === undefined) {
      throw damaged(
        this.#recordAt,
        `a kind of record that version ${VERSION} has`,
        String(view.getUint8(0)),
      );
    }
    const length = view.getUint32(8, true);
    this.#checkLength(kind, length);
    return { kind, flags: view.getUint8(1), length, checksum: view.getUint32(12, true) };
  }

  #checkLength(kind: Kind, length: number): void {
    if (kind === 'pages' && this.#pageSize === NO_PAGES) {
      throw damaged(this.#recordAt, 'a header before the first page', 'pages');
    }
    const { least } = KINDS[kind];
    const most = mostBytes(kind, this.#pageSize);
    if (length >= least && length <= most) return;
    throw damaged(this.#recordAt, `${least} to ${most} bytes of ${kind}`, String(length));
  }

  /** Grows to what the kind of record may have at most, so that a stream of pages reserves twice. */
  #reserve(length: number): void {
    if (this.#payload.length >= length) return;
    const most = this.#pageSize === NO_PAGES ? length : mostBytes('pages', this.#pageSize);
    this.#payload = new Uint8Array(Math.max(length, most));
  }
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;
