// A guest's memory as one stream without anybody at the other end: header, pages, zero pages, state, digest, end.
import { Assembly, type AssemblyOptions, assertTotals } from './assembly.ts';
import type { Channel, Clock } from './channel.ts';
import { type Checked, loadChecksum } from './checksum.ts';
import { contentDigest } from './content-digest.ts';
import { MigrationError } from './failure.ts';
import type { DestinationMemory } from './guest.ts';
import { Pacer } from './pacer.ts';
import type { PageReader } from './page-batch.ts';
import { sendPages } from './page-sender.ts';
import { RecordWriter } from './record-writer.ts';
import { damaged, type StreamRecord } from './records.ts';
import { pageRanges, type Shape } from './shape.ts';
import { StreamDecoder } from './stream-decoder.ts';

/** Where a snapshot is written to, and by what it is checked. */
export interface SnapshotWriterOptions extends Pick<Channel, 'send'> {
  /** Lets other tasks run now and then. */
  readonly clock: Clock;
  /** What belongs to the memory: registers, devices. */
  readonly state?: Uint8Array | undefined;
}

/** Writes a snapshot of memory that stands still until it resolves. */
export async function writeSnapshot(
  reader: PageReader,
  shape: Shape,
  { send, clock, state }: SnapshotWriterOptions,
): Promise<void> {
  const checksum = await loadChecksum();
  const writer = new RecordWriter({ send }, checksum);
  const hvns = pageRanges(shape).flatMap(({ hvn, npages }) =>
    Array.from({ length: npages }, (_, page) => hvn + page),
  );
  await writer.header({
    shape,
    session: 0,
    channel: 0,
    channels: 1,
    compression: '',
    machine: '',
    mayPostcopy: false,
  });
  const { pageSize } = shape;
  const sending = { reader, pageSize, pacer: new Pacer(clock, undefined) };
  const sent = { normal: 0, duplicate: 0 };
  await sendPages(Uint32Array.from(hvns), [{ writer }], sending, sent);
  if (state !== undefined) await writer.state(state);
  await writer.digest(await contentDigest(reader, shape, { checksum, clock }));
  await writer.end();
}

/** Where a snapshot is read to. */
export interface SnapshotReaderOptions extends AssemblyOptions {
  /** Lets other tasks run now and then. */
  readonly clock: Clock;
  /** Makes the memory for a VM of this shape, or throws what is wrong with the shape. */
  readonly open: (shape: Shape) => DestinationMemory;
}

/** A snapshot that was read whole. */
export interface SnapshotInfo {
  /** The writer's, which `open` was asked to make memory for. */
  readonly shape: Shape;
  /** Pages with contents. */
  readonly normal: number;
  /** Zero pages. */
  readonly duplicate: number;
  /** Checksum of the memory. */
  readonly digest: number;
}

/** Reads a snapshot to its end. Rejects with a MigrationError: then the memory is worth nothing. */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: SnapshotReaderOptions,
): Promise<SnapshotInfo> {
  const checksum = await loadChecksum();
  const decoder = new StreamDecoder(checksum);
  const reader = new SnapshotReader({ ...options, checksum });
  for await (const chunk of chunks) {
    for (const record of decoder.push(chunk)) await reader.take(record, decoder);
  }
  decoder.end();
  return reader.finish(decoder.offset);
}

class SnapshotReader {
  readonly #options: SnapshotReaderOptions & Checked;
  #assembly: Assembly | undefined;
  #memory: DestinationMemory | undefined;
  #digest: number | undefined;
  #ended = false;

  constructor(options: SnapshotReaderOptions & Checked) {
    this.#options = options;
  }

  take(record: StreamRecord, decoder: StreamDecoder): void | Promise<void> {
    const assembly = this.#assembly;
    if (this.#ended) throw damaged(record.offset, 'nothing after the end', record.kind);
    if (assembly === undefined) return this.#begin(record);
    switch (record.kind) {
      case 'pages':
        return assembly.pages(record);
      case 'zeroPages':
        return assembly.zeroPages(record);
      case 'state':
        return assembly.state(record);
      case 'digest':
        this.#digest = record.digest;
        return undefined;
      case 'end': {
        const { normal: pages, duplicate: zeroPages } = assembly;
        assertTotals(record, { pages, zeroPages, ...decoder.totals });
        this.#ended = true;
        return undefined;
      }
      default:
        throw damaged(record.offset, 'a record of a snapshot', record.kind);
    }
  }

  #begin(record: StreamRecord): void {
    if (record.kind !== 'header') throw damaged(record.offset, 'a header first', record.kind);
    this.#memory = this.#options.open(record.header.shape);
    this.#assembly = new Assembly(record.header, this.#memory, this.#options);
  }

  /** `offset`: where the stream ended. */
  async finish(offset: number): Promise<SnapshotInfo> {
    const [assembly, memory] = [this.#assembly, this.#memory];
    if (!this.#ended || assembly === undefined || memory === undefined) {
      const message = `byte ${offset}: expected the end record of a snapshot, got the end`;
      throw new MigrationError('closed', message);
    }
    assembly.assertWhole();
    const { shape, normal, duplicate } = assembly;
    const digest = await contentDigest(memory, shape, this.#options);
    if (digest !== this.#digest) {
      throw damaged(offset, `memory of checksum ${this.#digest}`, String(digest));
    }
    return { shape, normal, duplicate, digest };
  }
}
