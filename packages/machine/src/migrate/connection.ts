// The connections of one migration, as either side has them: when one fails, all are closed, and the first reason is kept.
import type { CancelSignal, Channel, Clock } from './channel.ts';
import type { Checked } from './checksum.ts';
import { asMigrationError, MigrationError } from './failure.ts';
import { RecordWriter } from './record-writer.ts';
import type { StreamRecord } from './records.ts';
import { StreamDecoder } from './stream-decoder.ts';

export interface ConnectionOptions {
  /** What timeouts and rates are measured by. */
  readonly clock: Clock;
  /** Nothing sent and nothing received for so long: the migration fails. Milliseconds, 10 000 unless said. */
  readonly stallMs?: number;
  /** Aborted: the migration ends on both sides with a MigrationError, `cancelled`. */
  readonly signal?: CancelSignal | undefined;
}

export const DEFAULT_STALL_MS = 10_000;
/** How long the other side may take to hear why it ends. */
const FAREWELL_MS = 100;

export interface Connection {
  readonly channel: Channel;
  readonly writer: RecordWriter;
}

export class Connections {
  readonly all: Connection[] = [];
  readonly #options: ConnectionOptions & Checked;
  readonly #waiting = new Set<(error: MigrationError) => void>();
  #error: MigrationError | undefined;
  #progressAt: number;
  #closed = false;
  /** While the last words are handed over. */
  #leaving = false;
  #committed = false;
  /** The other side was the first to fail. */
  #told = false;
  readonly #listening: Promise<void>[] = [];
  #left: Promise<void> = Promise.resolve();
  readonly #abort = (): void =>
    this.fail(new MigrationError('cancelled', 'cancelled on this side'));

  constructor(options: ConnectionOptions & Checked) {
    this.#options = options;
    this.#progressAt = options.clock.now();
    options.signal?.addEventListener('abort', this.#abort);
    if (options.signal?.aborted) this.#abort();
  }

  add(channel: Channel): Connection {
    const send = async (bytes: Uint8Array): Promise<void> => {
      const sent = channel.send(bytes);
      // The last words are sent after a failure, everything else until one.
      await (this.#leaving ? sent : this.orFailure(sent)).catch((error: unknown) => {
        throw asMigrationError(error);
      });
      this.progress();
    };
    const connection = { channel, writer: new RecordWriter({ send }, this.#options.checksum) };
    this.progress();
    if (this.all.push(connection) === 1) void this.#watch();
    return connection;
  }

  /** Something moved. */
  progress(): void {
    this.#progressAt = this.#options.clock.now();
  }

  /** Throws once anything has failed. */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  get error(): MigrationError | undefined {
    return this.#error;
  }

  /** Keeps the first reason, tells it to whoever waits here, and in the end to the other side. */
  fail(error: MigrationError): void {
    if (this.#error !== undefined || this.#closed) return;
    this.#error = error;
    for (const reject of this.#waiting) reject(error);
    this.#left = this.#farewell(error);
  }

  /** Fails for what was thrown here; answers what to throw on: the first failure, or what is no migration's fault. */
  failWith(error: unknown): unknown {
    this.fail(ownError(error));
    return error instanceof MigrationError ? (this.#error ?? error) : error;
  }

  /** Settles as `promise` does, or rejects when anything fails. */
  orFailure<Result>(promise: Promise<Result>): Promise<Result> {
    if (this.#error !== undefined) {
      promise.catch(() => {}); // it has come too late to be the reason
      return Promise.reject(this.#error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** The records of one connection, in order. Whatever goes wrong fails all connections, an end too unless `mayEnd`. */
  listen(connection: Connection, visit: Visit, mayEnd: () => boolean = () => false): void {
    this.#listening.push(this.#listen(connection.channel, visit, mayEnd));
  }

  async #listen(channel: Channel, visit: Visit, mayEnd: () => boolean): Promise<void> {
    const decoder = new StreamDecoder(this.#options.checksum);
    try {
      for await (const chunk of channel.receive()) {
        this.progress();
        // After a failure the rest is taken in and dropped: who closes with bytes unread takes back what it said last.
        if (this.#error === undefined) await this.#decode(decoder, chunk, visit);
        if (this.#closed) return;
      }
      if (this.#error !== undefined) return;
      decoder.end();
      if (mayEnd()) return;
      throw new MigrationError(
        'closed',
        `byte ${decoder.offset}: expected another record, got the end of the connection`,
      );
    } catch (error) {
      this.fail(asMigrationError(error));
    }
  }

  async #decode(decoder: StreamDecoder, chunk: Uint8Array, visit: Visit): Promise<void> {
    try {
      for (const record of decoder.push(chunk)) {
        this.#refuse(record);
        const done = visit(record, decoder);
        if (done !== undefined) await done;
      }
    } catch (error) {
      this.fail(ownError(error));
    }
  }

  /** There is no way back: not cancelled any more, and whatever fails, nothing is said of it. */
  commit(): void {
    this.#committed = true;
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }

  /** It is over, well or not: from here nothing is a failure any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    for (const { channel } of this.all) channel.close();
  }

  /** Resolves when the other side has been told of a failure, as far as it listens, and all is closed. */
  left(): Promise<void> {
    return this.#left;
  }

  async #farewell(error: MigrationError): Promise<void> {
    // An error that is said means: the guest is whole on this side.
    if (this.#committed) return this.close();
    const { clock } = this.#options;
    const kind = error.reason === 'cancelled' ? 'cancel' : 'error';
    this.#leaving = true;
    const words = this.all.map(({ writer }) => writer.text(kind, error.message));
    this.#leaving = false;
    // Until the other side has heard it and closed; unless it was the one that said so. One that stands still must not keep us.
    const heard = this.#told ? words : [...words, ...this.#listening];
    await Promise.race([Promise.allSettled(heard), clock.sleep(FAREWELL_MS)]);
    this.close();
  }

  /** What the other side says before it leaves. */
  #refuse(record: StreamRecord): void {
    if (record.kind !== 'error' && record.kind !== 'cancel') return;
    this.#told = true;
    throw record.kind === 'error'
      ? new MigrationError('refused', `the other side: ${record.text}`)
      : new MigrationError('cancelled', 'cancelled on the other side');
  }

  async #watch(): Promise<void> {
    const { clock, stallMs = DEFAULT_STALL_MS } = this.#options;
    while (!this.#closed && this.#error === undefined) {
      await clock.sleep(Math.min(stallMs / 4, 250));
      if (clock.now() - this.#progressAt < stallMs) continue;
      const got = `none for ${stallMs} ms`;
      this.fail(new MigrationError('stalled', `expected bytes to move, got ${got}`));
    }
  }
}

/** What this side's own code throws says nothing of the connection. */
const ownError = (error: unknown): MigrationError =>
  error instanceof MigrationError
    ? error
    : new MigrationError('refused', `an error of this side: ${error}`, { cause: error });

type Visit = (record: StreamRecord, decoder: StreamDecoder) => void | Promise<void>;
