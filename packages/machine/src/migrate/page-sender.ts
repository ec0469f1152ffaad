// One round of pages over all connections: each takes the next batch as soon as it has room for one.
import type { Compression } from './channel.ts';
import type { Connection } from './connection.ts';
import type { Pacer } from './pacer.ts';
import { PageBatch, type PageReader } from './page-batch.ts';
import { BATCH_PAGES, MOST_RUNS } from './stream.ts';

/** A look at the clock after so many zero pages, which cost no bytes. */
const ZEROS_AT_ONCE = 1024;

export interface Sending {
  readonly reader: PageReader;
  readonly pageSize: number;
  readonly pacer: Pacer;
  readonly compression?: Compression | undefined;
}

export interface Sent {
  /** Pages with contents, and zero pages. */
  normal: number;
  duplicate: number;
}

/** What all connections take their next page from. */
interface Pages {
  readonly hvns: Uint32Array;
  next: number;
}

/** Sends `hvns` and says, page by page, into `sent` what became of them. */
export async function sendPages(
  hvns: Uint32Array,
  connections: readonly Pick<Connection, 'writer'>[],
  sending: Sending,
  sent: Sent,
): Promise<void> {
  const pages = { hvns, next: 0 };
  await Promise.all(connections.map((connection) => sendShare(pages, connection, sending, sent)));
}

async function sendShare(
  pages: Pages,
  { writer }: Pick<Connection, 'writer'>,
  sending: Sending,
  sent: Sent,
): Promise<void> {
  // While one batch is on its way, the other is filled.
  let [filling, leaving] = [new PageBatch(sending.pageSize), new PageBatch(sending.pageSize)];
  let left: Promise<void> = Promise.resolve();
  const zeros = new ZeroRuns();
  // So that a slow pace is many small steps: a pause of seconds would look as if the connection stood still.
  const most = Math.max(
    1,
    Math.min(BATCH_PAGES, Math.floor(sending.pacer.bytesPerStep / sending.pageSize)),
  );
  for (let done = false; !done; ) {
    filling.clear();
    done = fill(filling, pages, sending.reader, zeros, most);
    sent.normal += filling.count;
    sent.duplicate += zeros.take();
    await left;
    const before = writer.bytes;
    if (zeros.isFull || done) await zeros.flush((runs) => writer.zeroPages(runs));
    if (filling.count > 0) left = sendBatch(filling, writer, sending.compression);
    left.catch(() => {}); // its failure is met at the next turn
    await sending.pacer.pace(writer.bytes - before);
    [filling, leaving] = [leaving, filling];
  }
  await left;
}

/** True when there are no more pages. */
function fill(
  batch: PageBatch,
  pages: Pages,
  reader: PageReader,
  zeros: ZeroRuns,
  most: number,
): boolean {
  let zerosLeft = ZEROS_AT_ONCE;
  while (batch.count < most && zerosLeft > 0 && !zeros.isFull) {
    if (pages.next === pages.hvns.length) return true;
    const hvn = pages.hvns[pages.next++] as number;
    if (batch.add(reader, hvn)) continue;
    zeros.add(hvn);
    zerosLeft--;
  }
  return false;
}

/** Sends what a batch holds, compressed where that makes it smaller. */
export async function sendBatch(
  batch: PageBatch,
  writer: Connection['writer'],
  compression: Compression | undefined,
): Promise<void> {
  if (compression === undefined) return writer.pages(batch);
  const contents = await compression.compress(batch.contents);
  if (contents.length >= batch.contents.length) return writer.pages(batch);
  return writer.compressedPages(batch.recordOf(contents), batch.count);
}

/** Zero pages, gathered into runs. */
class ZeroRuns {
  #runs: number[] = [];
  #fresh = 0;

  get isFull(): boolean {
    return this.#runs.length >= MOST_RUNS * 2;
  }

  add(hvn: number): void {
    this.#fresh++;
    const last = this.#runs.length - 2;
    const count = this.#runs[last + 1] as number;
    if (last >= 0 && (this.#runs[last] as number) + count === hvn) this.#runs[last + 1] = count + 1;
    else this.#runs.push(hvn, 1);
  }

  /** How many were added since it was last asked. */
  take(): number {
    const fresh = this.#fresh;
    this.#fresh = 0;
    return fresh;
  }

  async flush(send: (runs: readonly number[]) => Promise<void>): Promise<void> {
    if (this.#runs.length === 0) return;
    const runs = this.#runs;
    this.#runs = [];
    await send(runs);
  }
}
