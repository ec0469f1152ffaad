// The side that the guest leaves. Pre-copy: all pages while it runs, then those that it wrote meanwhile, round after round;
// when the rest fits in the downtime, the vCPUs stop, the rest is sent, and the destination says that it has everything.
// Post-copy: after some rounds the vCPUs stop anyway, and the destination runs the guest without the rest (postcopy-source.ts).
//
// Until the handover is sent, whatever fails leaves the guest here, running, its dirty log as it was. From then on it
// stays stopped: the destination may run it, and two of it would be worse than none.
import { AutoConverge } from './auto-converge.ts';
import type { Channel, Clock, Compression } from './channel.ts';
import { type Checked, loadChecksum } from './checksum.ts';
import { type ConnectionOptions, Connections } from './connection.ts';
import { contentDigest } from './content-digest.ts';
import { MigrationError } from './failure.ts';
import type { SourceGuest } from './guest.ts';
import { Meter } from './meter.ts';
import type { MigrationInfo } from './migration-info.ts';
import { Pacer } from './pacer.ts';
import { sendPages } from './page-sender.ts';
import { PageSet } from './page-set.ts';
import { PostcopySource } from './postcopy-source.ts';
import { END_ACK, POSTCOPY_ACK, type StreamRecord } from './records.ts';
import { Replies } from './replies.ts';
import { pageRanges } from './shape.ts';
import { MOST_RUNS } from './stream.ts';

/** How a guest is migrated away. */
export interface SourceOptions extends ConnectionOptions {
  /** A number that no other migration to the same destination has. */
  readonly session: number;
  /** How long the guest may stand still, in milliseconds. QEMU's and cloud-hypervisor's default: 300. */
  readonly downtimeLimitMs?: number;
  /** The guest must fit in the downtime after so many seconds (3600), or ... */
  readonly timeoutS?: number;
  /** ... the migration is given up (the default), or the guest stopped for as long as it takes. */
  readonly timeoutStrategy?: 'cancel' | 'ignore';
  /** Bytes a second, over all connections. */
  readonly maxBandwidth?: number | undefined;
  /** Slow the vCPUs down while they write faster than the connection carries. */
  readonly autoConverge?: boolean;
  /** Of pages with contents; the destination must have one of that name, or it refuses. */
  readonly compression?: Compression | undefined;
  /** `postcopy`: the destination runs the guest when it has not all pages yet; unless it all fits in the downtime before. */
  readonly memoryMode?: 'precopy' | 'postcopy';
  /** Post-copy: rounds under the running guest before that; 1 unless said, 0: at once. */
  readonly postcopyAfterRounds?: number;
  /** Post-copy: as many connections once more, to the same destination. Absent: a broken connection loses the guest. */
  readonly reconnect?: () => Promise<readonly Channel[]>;
  /** Post-copy: for how long a broken connection is tried again. Seconds, 30 unless said. */
  readonly recoverS?: number;
  /** Pre-copy: compare both memories before the handover, while no vCPU runs: on unless false. */
  readonly verify?: boolean;
  /** Told at each round's end, and before and after the guest is stopped. */
  readonly progress?: (info: MigrationInfo) => void;
}

/**
 * Migrates `guest` over `channels`. Resolves when the destination has all of it and has been told to take over: the guest is
 * left paused, not logged. Rejects with a MigrationError, the guest running on; of post-copy, once the destination may run it,
 * only with `lost`, the guest paused.
 */
export async function sendMigration(
  guest: SourceGuest,
  channels: readonly Channel[],
  options: SourceOptions,
): Promise<MigrationInfo> {
  return new Source(guest, channels, { ...options, checksum: await loadChecksum() }).run();
}

const RELIEF_MS = 2;

class Source {
  readonly #guest: SourceGuest;
  readonly #options: SourceOptions & Checked;
  readonly #connections: Connections;
  /** Nobody sleeps on after a failure. */
  readonly #clock: Clock = {
    now: () => this.#options.clock.now(),
    sleep: (ms) => this.#connections.orFailure(this.#options.clock.sleep(ms)),
  };
  readonly #replies = new Replies();
  readonly #meter: Meter;
  readonly #pacer: Pacer;
  readonly #converge = new AutoConverge();
  readonly #dirty: PageSet;
  #round = 0;
  #paused = false;
  #postcopy: PostcopySource | undefined;

  constructor(guest: SourceGuest, channels: readonly Channel[], options: SourceOptions & Checked) {
    if (channels.length === 0) throw new RangeError('expected at least one channel, got none');
    this.#guest = guest;
    this.#options = options;
    this.#connections = new Connections(options);
    for (const channel of channels) this.#connections.add(channel);
    this.#meter = new Meter(guest.shape, options.clock);
    this.#pacer = new Pacer(this.#clock, options.maxBandwidth);
    this.#dirty = new PageSet(guest.shape.pages);
  }

  async run(): Promise<MigrationInfo> {
    for (const connection of this.#connections.all) {
      this.#connections.listen(connection, (record) => this.#hear(record));
    }
    let handedOver = false;
    try {
      const fits = await this.#whileItRuns();
      if (fits) await this.#stopAndCopy();
      else await this.#stopAndPrepare();
      this.#connections.check();
      // No way back: the words may arrive although `send` fails.
      handedOver = true;
      if (this.#postcopy !== undefined) this.#connections.commit();
      await this.#handOver();
      await this.#postcopy?.run(this.#connections);
      this.#options.progress?.(this.#meter.report('completed'));
      return this.#meter.report('completed');
    } catch (error) {
      throw handedOver ? error : this.#connections.failWith(error);
    } finally {
      this.#settle(handedOver);
      await this.#connections.left();
      this.#connections.close();
    }
  }

  #hear(record: StreamRecord): void {
    if (this.#postcopy === undefined) this.#replies.take(record);
    else this.#postcopy.take(record);
  }

  /** True when what is left fits in the downtime; false when post-copy is to bring it. */
  async #whileItRuns(): Promise<boolean> {
    const done = this.#setUp().then(() => this.#iterate());
    this.#relieveUntil(done).catch((error: unknown) => this.#connections.failWith(error));
    return done;
  }

  /** Leaves the guest as it was found, or, handed over, as it is left behind. */
  #settle(handedOver: boolean): void {
    this.#guest.throttle?.(0);
    this.#guest.stopLogging();
    if (this.#paused && !handedOver) this.#guest.resume();
    if (handedOver) return;
    const cancelled = this.#connections.error?.reason === 'cancelled';
    this.#options.progress?.(this.#meter.report(cancelled ? 'cancelled' : 'failed'));
  }

  async #setUp(): Promise<void> {
    this.#guest.startLogging();
    const accepted = this.#replies.ackOf(0);
    await this.#introduce(this.#connections);
    await this.#connections.orFailure(accepted);
    await this.#sendPreview();
    this.#meter.isSetUp();
  }

  async #introduce({ all }: Connections): Promise<void> {
    const { session, compression, memoryMode } = this.#options;
    const { shape, machine = '' } = this.#guest;
    for (const [channel, { writer }] of all.entries()) {
      await writer.header({
        shape,
        session,
        channel,
        channels: all.length,
        compression: compression?.name ?? '',
        machine,
        mayPostcopy: memoryMode === 'postcopy',
      });
    }
  }

  async #sendPreview(): Promise<void> {
    const state = this.#guest.previewState?.();
    if (state !== undefined) await this.#connections.all[0]?.writer.state(state, 'preview');
  }

  /** With the vCPUs stopped. */
  async #sendState(): Promise<void> {
    const state = this.#guest.saveState?.();
    if (state !== undefined) await this.#connections.all[0]?.writer.state(state);
  }

  /** Rounds under the running guest, until the rest fits in the downtime (true), or is left to post-copy (false). */
  async #iterate(): Promise<boolean> {
    const { downtimeLimitMs = 300, memoryMode, postcopyAfterRounds = 1 } = this.#options;
    for (const { hvn, npages } of pageRanges(this.#guest.shape)) {
      for (let page = hvn; page < hvn + npages; page++) this.#dirty.add(page);
    }
    const rounds = memoryMode === 'postcopy' ? postcopyAfterRounds : Number.POSITIVE_INFINITY;
    do {
      if (this.#round >= rounds) return false;
      const sentBytes = await this.#sendRound();
      const before = this.#dirty.size;
      this.#harvest();
      this.#meter.harvested(this.#dirty.size - before, this.#dirty.size);
      this.#slowDown(sentBytes);
      this.#options.progress?.(this.#meter.report('active'));
    } while (this.#meter.expectedDowntime(this.#dirty.size) > downtimeLimitMs && this.#mayGoOn());
    return true;
  }

  /** A vCPU with a full ring must not wait for the end of the round. */
  async #relieveUntil(done: Promise<unknown>): Promise<void> {
    if (this.#guest.relieve === undefined) return;
    let isDone = false;
    const end = (): void => {
      isDone = true;
    };
    done.then(end, end);
    for (; !isDone; await this.#options.clock.sleep(RELIEF_MS)) this.#guest.relieve();
  }

  #mayGoOn(): boolean {
    const { timeoutS = 3600, timeoutStrategy = 'cancel', downtimeLimitMs = 300 } = this.#options;
    if (this.#meter.elapsedMs() < timeoutS * 1000) return true;
    if (timeoutStrategy === 'ignore') return false;
    const expected = Math.ceil(this.#meter.expectedDowntime(this.#dirty.size));
    throw new MigrationError(
      'diverging',
      `expected a downtime of at most ${downtimeLimitMs} ms within ${timeoutS} s, got ${expected} ms after ${this.#round} rounds`,
    );
  }

  #slowDown(sentBytes: number): void {
    if (this.#options.autoConverge !== true) return;
    const { pageSize } = this.#guest.shape;
    if (!this.#converge.afterRound(sentBytes, this.#dirty.size * pageSize)) return;
    this.#guest.throttle?.(this.#converge.percent);
    this.#meter.throttle = this.#converge.percent;
  }

  #harvest(): void {
    this.#guest.harvest((hvn) => this.#dirty.add(hvn));
  }

  /** Sends what is dirty, then what `last` sends, and waits until the destination has it; bytes sent. */
  async #sendRound(last: () => Promise<void> = async () => {}): Promise<number> {
    const { all } = this.#connections;
    const { compression } = this.#options;
    const { pageSize } = this.#guest.shape;
    const round = ++this.#round;
    const acked = this.#replies.ackOf(round);
    this.#meter.beginRound();
    const sending = { reader: this.#guest, pageSize, pacer: this.#pacer, compression };
    await sendPages(this.#dirty.take(), all, sending, this.#meter.sent);
    if (!this.#paused) await this.#sendPreview();
    for (const { writer } of all) await writer.roundEnd(round);
    await last();
    // Not only handed over: arrived. What a socket still holds would look like bandwidth.
    await this.#connections.orFailure(acked);
    return this.#meter.endRound(all.reduce((sum, { writer }) => sum + writer.bytes, 0));
  }

  async #stop(): Promise<void> {
    this.#meter.stopped();
    await this.#guest.pause();
    this.#paused = true;
    // After the pause: a fault that had made its page writable, and had not marked it yet, has marked it by now.
    this.#harvest();
  }

  async #stopAndCopy(): Promise<void> {
    const { all } = this.#connections;
    await this.#stop();
    const complete = this.#replies.ackOf(END_ACK);
    await this.#sendRound(async () => {
      await this.#sendState();
      for (const { writer } of all) await writer.end();
    });
    await this.#connections.orFailure(complete);
    this.#meter.complete();
    if (this.#options.verify !== false) await this.#compare();
  }

  /** Tells the destination what it has to do without, and what else it needs to run the guest. Nothing is on its way meanwhile. */
  async #stopAndPrepare(): Promise<void> {
    const [first] = this.#connections.all;
    await this.#stop();
    this.#meter.postcopy(this.#dirty.size);
    const prepared = this.#replies.ackOf(POSTCOPY_ACK);
    await this.#sendState();
    for (const runs of this.#dirty.runs(MOST_RUNS)) await first?.writer.missing(runs);
    await first?.writer.postcopy();
    await this.#connections.orFailure(prepared);
    this.#postcopy = new PostcopySource(this.#guest, this.#dirty, this.#meter, {
      ...this.#options,
      pacer: this.#pacer,
      introduce: (connections) => this.#introduce(connections),
    });
  }

  async #compare(): Promise<void> {
    const from = this.#options.clock.now();
    const [first] = this.#connections.all;
    const { checksum } = this.#options;
    const { shape } = this.#guest;
    const digest = await contentDigest(this.#guest, shape, { checksum, clock: this.#clock });
    const answered = this.#replies.digest();
    await first?.writer.digest(digest);
    const theirs = await this.#connections.orFailure(answered);
    if (theirs !== digest) {
      const got = `${theirs} at the destination`;
      throw new MigrationError('damaged', `expected memory of checksum ${digest}, got ${got}`);
    }
    this.#meter.verified(digest, this.#options.clock.now() - from);
  }

  async #handOver(): Promise<void> {
    const [first] = this.#connections.all;
    try {
      await first?.writer.handover();
    } catch {
      // The destination does not run it unasked, or is asked once more by post-copy: see docs/migration.md.
      if (this.#postcopy === undefined) this.#meter.unconfirmed();
    }
    this.#meter.resumed();
  }
}
