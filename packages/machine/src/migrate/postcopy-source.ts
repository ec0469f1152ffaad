// Post-copy, as the source sees it: the destination runs the guest, and what is missing there is here, and nowhere else. What
// its guest waits for is sent first, all else in the background. Each page is sent once: it may have been written there since.
//
// A broken connection pauses this: both sides keep what they have. Over the next one the destination says what it still misses,
// and the source goes on from that. What was handed over twice is not sent twice, as what counts is the destination's word.
import type { Clock } from './channel.ts';
import type { Checked } from './checksum.ts';
import { type Connection, Connections } from './connection.ts';
import { asMigrationError, MigrationError } from './failure.ts';
import type { SourceGuest } from './guest.ts';
import type { Meter } from './meter.ts';
import type { Pacer } from './pacer.ts';
import { PageBatch } from './page-batch.ts';
import { sendBatch } from './page-sender.ts';
import { PageSet } from './page-set.ts';
import { END_ACK, forEachPage, type StreamRecord } from './records.ts';
import { Replies } from './replies.ts';
import type { SourceOptions } from './source.ts';

/** Pages of one record: what somebody waits for is behind one of these at most, on its connection. */
const BACKGROUND_PAGES = 16;
const BACKGROUND_ZEROS = 1024;
const RETRY_MS = 250;
const REPORT_MS = 1000;

export interface PostcopyOptions extends SourceOptions, Checked {
  readonly pacer: Pacer;
  /** Sends the headers over new connections. */
  readonly introduce: (connections: Connections) => Promise<void>;
}

export class PostcopySource {
  readonly #guest: SourceGuest;
  readonly #meter: Meter;
  readonly #options: PostcopyOptions;
  /** What was not sent yet. */
  #pages: PageSet;
  readonly #wanted: number[] = [];
  /** Where the background goes on: behind what was asked for last, as its neighbours are likely next. */
  #cursor = 0;
  #sleepers: (() => void)[] = [];
  #replies = new Replies();
  /** The destination says what it misses; called when that is all. */
  #listed: { readonly pages: PageSet; readonly done: () => void } | undefined;
  #reportedAt = 0;
  /** Bytes over connections that have broken. */
  #bytesBefore = 0;

  constructor(guest: SourceGuest, pages: PageSet, meter: Meter, options: PostcopyOptions) {
    this.#guest = guest;
    this.#pages = pages;
    this.#meter = meter;
    this.#options = options;
  }

  /** Resolves when the destination has every page. Rejects when it cannot be reached any more: `lost`. */
  async run(first: Connections): Promise<void> {
    for (let connections = first; ; ) {
      try {
        this.#report('postcopy-active', connections);
        await this.#pushAll(connections);
        this.#pushed(connections);
        if (connections !== first) connections.close();
        return;
      } catch (error) {
        this.#pushed(connections);
        this.#bytesBefore += bytesOf(connections);
        const failure = connections.error ?? asMigrationError(error);
        connections.fail(failure);
        connections.close();
        connections = await this.#recover(failure);
      }
    }
  }

  take(record: StreamRecord): void {
    if (record.kind === 'request') this.#ask(record.hvns);
    else if (record.kind === 'missing' && this.#listed !== undefined) {
      const { pages } = this.#listed;
      forEachPage(record, this.#guest.shape.pages, (hvn) => pages.add(hvn));
    } else if (record.kind === 'postcopy' && this.#listed !== undefined) this.#listed.done();
    else this.#replies.take(record);
  }

  #ask(hvns: Uint32Array): void {
    this.#meter.asked(hvns.length);
    this.#wanted.push(...hvns);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#sleepers.splice(0)) wake();
  }

  async #pushAll(connections: Connections): Promise<void> {
    const { all } = connections;
    const complete = this.#replies.ackOf(END_ACK);
    await Promise.all(
      all.map((connection, number) =>
        // The first one is kept free for what somebody waits for, where there are others. QEMU: postcopy-preempt.
        this.#push(connections, connection, number === 0 && all.length > 1),
      ),
    );
    await connections.orFailure(complete);
  }

  async #push(
    connections: Connections,
    { writer }: Connection,
    onlyWanted: boolean,
  ): Promise<void> {
    const batch = new PageBatch(this.#guest.shape.pageSize);
    while (this.#pages.size > 0) {
      connections.check();
      const wanted = this.#nextWanted();
      if (wanted !== undefined) await this.#send(writer, batch, [wanted]);
      else if (onlyWanted) {
        await connections.orFailure(new Promise<void>((wake) => this.#sleepers.push(wake)));
      } else await this.#sendBackground(connections, writer, batch);
    }
    this.#wake(); // who sleeps for more has no more to wait for
    await writer.end();
  }

  #nextWanted(): number | undefined {
    for (let hvn = this.#wanted.shift(); hvn !== undefined; hvn = this.#wanted.shift()) {
      if (hvn >= this.#guest.shape.pages || !this.#pages.delete(hvn)) continue; // on its way already
      this.#cursor = hvn + 1;
      return hvn;
    }
    return undefined;
  }

  async #sendBackground(
    connections: Connections,
    writer: Connection['writer'],
    batch: PageBatch,
  ): Promise<void> {
    const before = writer.bytes;
    await this.#send(writer, batch, this.#nextPages());
    this.#pushed(connections);
    await this.#options.pacer.pace(writer.bytes - before);
    if (this.#options.clock.now() - this.#reportedAt < REPORT_MS) return;
    this.#report('postcopy-active', connections);
  }

  /** Adjacent or not, ascending; the batch looks at each, and ends when it is full. */
  *#nextPages(): Generator<number, void> {
    for (let page = 0; page < BACKGROUND_ZEROS; page++) {
      let hvn = this.#pages.next(this.#cursor);
      if (hvn === undefined && page > 0) return; // zero pages go in order in a record
      hvn ??= this.#pages.next(0);
      if (hvn === undefined) return;
      this.#pages.delete(hvn);
      this.#cursor = hvn + 1;
      yield hvn;
    }
  }

  async #send(
    writer: Connection['writer'],
    batch: PageBatch,
    hvns: Iterable<number>,
  ): Promise<void> {
    const zeros = new PageRuns();
    batch.clear();
    for (const hvn of hvns) {
      if (!batch.add(this.#guest, hvn)) zeros.add(hvn);
      if (batch.count === BACKGROUND_PAGES) break;
    }
    this.#meter.sent.normal += batch.count;
    this.#meter.sent.duplicate += zeros.pages;
    if (zeros.pages > 0) await writer.zeroPages(zeros.runs);
    if (batch.count > 0) await sendBatch(batch, writer, this.#options.compression);
  }

  /** New connections, over which the destination has said what it misses. */
  async #recover(failure: MigrationError): Promise<Connections> {
    const { clock, reconnect, recoverS = 30 } = this.#options;
    const from = clock.now();
    const isOurs = failure.reason === 'refused' && failure.cause !== undefined;
    this.#report('postcopy-paused');
    while (reconnect !== undefined && !isOurs && clock.now() - from < recoverS * 1000) {
      const connections = await this.#reconnected(reconnect, clock).catch(() => undefined);
      if (connections !== undefined) return connections;
      await clock.sleep(RETRY_MS);
    }
    throw this.#lost(failure);
  }

  #lost(failure: MigrationError): MigrationError {
    const left = this.#pages.size;
    const where =
      left > 0
        ? `${left} pages or more of it are only here, where it stays paused`
        : 'all of it was sent, and whether it came is not known; here it stays paused';
    const expected = 'expected the destination, which may run the guest, to come back';
    return new MigrationError('lost', `${expected}, got: ${failure.message}; ${where}`, {
      cause: failure,
    });
  }

  async #reconnected(
    reconnect: NonNullable<SourceOptions['reconnect']>,
    clock: Clock,
  ): Promise<Connections> {
    const { signal: _, ...options } = this.#options;
    const channels = await reconnect();
    const connections = new Connections({ ...options, clock });
    connections.commit();
    this.#replies = new Replies();
    const listed = new PageSet(this.#guest.shape.pages);
    const told = new Promise<void>((done) => {
      this.#listed = { pages: listed, done };
    });
    for (const channel of channels) {
      connections.listen(connections.add(channel), (record) => this.take(record));
    }
    try {
      await this.#options.introduce(connections);
      await connections.orFailure(told);
    } catch (error) {
      connections.close();
      throw error;
    } finally {
      this.#listed = undefined;
    }
    this.#pages = listed;
    this.#cursor = 0;
    return connections;
  }

  #pushed(connections: Connections): void {
    this.#meter.pushed(this.#pages.size, this.#bytesBefore + bytesOf(connections));
  }

  #report(status: 'postcopy-active' | 'postcopy-paused', connections?: Connections): void {
    if (connections !== undefined) this.#pushed(connections);
    this.#reportedAt = this.#options.clock.now();
    this.#options.progress?.(this.#meter.report(status));
  }
}

const bytesOf = ({ all }: Connections): number =>
  all.reduce((sum, { writer }) => sum + writer.bytes, 0);

/** Pages that come in order, as first page and number. */
class PageRuns {
  readonly runs: number[] = [];
  pages = 0;

  add(hvn: number): void {
    this.pages++;
    const last = this.runs.length - 2;
    const end = (this.runs[last] as number) + (this.runs[last + 1] as number);
    if (last >= 0 && end === hvn) this.runs[last + 1] = (this.runs[last + 1] as number) + 1;
    else this.runs.push(hvn, 1);
  }
}
