// One direction of one connection, as its sender sees it: values in, records out, numbered and summed up.
import type { Channel } from './channel.ts';
import type { Checksum } from './checksum.ts';
import type { PageBatch } from './page-batch.ts';
import { type Header, headerPayload, numbersPayload, textPayload } from './records.ts';
import {
  FLAG_ALL_PAGES,
  FLAG_COMPRESSED,
  HEAD_BYTES,
  KINDS,
  type Kind,
  MAGIC,
  MOST_STATE_BYTES,
  MOST_TEXT,
  PREAMBLE_BYTES,
  VERSION,
} from './stream.ts';

export class RecordWriter {
  readonly #channel: Pick<Channel, 'send'>;
  readonly #checksum: Checksum;
  #sequence = 0;
  #digest = 0;
  #bytes = 0;
  #pages = 0;
  #zeroPages = 0;

  constructor(channel: Pick<Channel, 'send'>, checksum: Checksum) {
    this.#channel = channel;
    this.#checksum = checksum;
  }

  /** Bytes handed over so far. */
  get bytes(): number {
    return this.#bytes;
  }

  header(header: Header): Promise<void> {
    const flags = header.shape.allPages ? FLAG_ALL_PAGES : 0;
    return this.#small('header', headerPayload(header), flags);
  }

  /** Sends what `batch` holds, as it is. */
  pages(batch: PageBatch): Promise<void> {
    this.#pages += batch.count;
    return this.#seal('pages', 0, batch.record());
  }

  /** The same with its contents compressed; `record` has room for a head, then count, hvns and the compressed contents. */
  compressedPages(record: Uint8Array, count: number): Promise<void> {
    this.#pages += count;
    return this.#seal('pages', FLAG_COMPRESSED, record);
  }

  /** What the guest is beside its memory, exactly or as far as it has come. Throws a RangeError for more than a record may have. */
  async state(state: Uint8Array, kind: 'state' | 'preview' = 'state'): Promise<void> {
    if (state.length > MOST_STATE_BYTES) {
      const got = `${state.length}; usual cause: a device's buffers, which belong into the guest's memory`;
      throw new RangeError(`expected at most ${MOST_STATE_BYTES} bytes of state, got ${got}`);
    }
    await this.#small(kind, state);
  }

  /** Pairs of first hvn and number of pages. */
  zeroPages(runs: readonly number[]): Promise<void> {
    for (let run = 1; run < runs.length; run += 2) this.#zeroPages += runs[run] as number;
    return this.#small('zeroPages', numbersPayload(...runs));
  }

  roundEnd(round: number): Promise<void> {
    return this.#small('roundEnd', numbersPayload(round));
  }

  end(): Promise<void> {
    return this.#small(
      'end',
      numbersPayload(this.#sequence, this.#pages, this.#zeroPages, this.#digest),
    );
  }

  ack(of: number, pages: number): Promise<void> {
    return this.#small('ack', numbersPayload(of, pages));
  }

  digest(digest: number): Promise<void> {
    return this.#small('digest', numbersPayload(digest));
  }

  handover(): Promise<void> {
    return this.#small('handover', new Uint8Array(0));
  }

  /** Pages that are not there, as `zeroPages`. */
  missing(runs: readonly number[]): Promise<void> {
    return this.#small('missing', numbersPayload(...runs));
  }

  /** All that is missing has been said. */
  postcopy(): Promise<void> {
    return this.#small('postcopy', new Uint8Array(0));
  }

  /** Pages that somebody waits for. */
  request(hvns: readonly number[]): Promise<void> {
    return this.#small('request', numbersPayload(...hvns));
  }

  text(kind: 'error' | 'cancel', text: string): Promise<void> {
    return this.#small(kind, textPayload(text.slice(0, MOST_TEXT)));
  }

  #small(kind: Kind, payload: Uint8Array, flags = 0): Promise<void> {
    const record = new Uint8Array(HEAD_BYTES + payload.length);
    record.set(payload, HEAD_BYTES);
    return this.#seal(kind, flags, record);
  }

  /** Writes the head in front of the payload, and sends both in one piece. */
  #seal(kind: Kind, flags: number, record: Uint8Array): Promise<void> {
    const { code } = KINDS[kind];
    const view = new DataView(record.buffer, record.byteOffset, HEAD_BYTES);
    view.setUint32(0, code | (flags << 8), true);
    view.setUint32(4, this.#sequence, true);
    view.setUint32(8, record.length - HEAD_BYTES, true);
    view.setUint32(12, this.#checksum(record.subarray(HEAD_BYTES)), true);
    view.setUint32(16, this.#checksum(record.subarray(0, 16)), true);
    const first = this.#sequence === 0;
    this.#sequence++;
    this.#digest = this.#checksum(record.subarray(0, HEAD_BYTES), this.#digest);
    const bytes = first ? withPreamble(record) : record;
    this.#bytes += bytes.length;
    return this.#channel.send(bytes);
  }
}

function withPreamble(record: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREAMBLE_BYTES + record.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, ~VERSION, true);
  bytes.set(record, PREAMBLE_BYTES);
  return bytes;
}
