// The side that the guest comes to. Its memory is good for something only when `receiveMigration` has resolved; in post-copy
// the guest runs before that, and what it touches and has not come is asked for.
//
//   precopy ---end---> whole ---handover---> done
//      '---postcopy---> preparing ---> ready ---handover---> postcopy ---end---> done
//
// In `ready` and `postcopy` a broken connection may come back: the source may have given the guest up.
import { Arrivals } from './arrivals.ts';
import { Assembly, assertTotals } from './assembly.ts';
import { Barrier } from './barrier.ts';
import type { Channel } from './channel.ts';
import { type Checked, loadChecksum } from './checksum.ts';
import { type Connection, Connections } from './connection.ts';
import { contentDigest } from './content-digest.ts';
import type { DestinationOptions } from './destination-options.ts';
import { MigrationError } from './failure.ts';
import type { DestinationMemory, PostcopyMemory } from './guest.ts';
import { Membership } from './membership.ts';
import { PageSet } from './page-set.ts';
import type { Received } from './received.ts';
import { assertInOrder, type Phase } from './record-order.ts';
import {
  BUSY_ACK,
  damaged,
  END_ACK,
  forEachPage,
  type Header,
  POSTCOPY_ACK,
  type StreamRecord,
} from './records.ts';
import { type Recovering, recover } from './recovery.ts';
import { sayingBusy } from './saying-busy.ts';
import { MOST_RUNS } from './stream.ts';
import type { StreamDecoder } from './stream-decoder.ts';
import { WantedPages } from './wanted-pages.ts';

/** Takes a migration in. Rejects with a MigrationError: then the memory is worth nothing. */
export async function receiveMigration(options: DestinationOptions): Promise<Received> {
  return new Destination({ ...options, checksum: await loadChecksum() }).run();
}

class Destination {
  readonly #options: DestinationOptions & Checked;
  #connections: Connections;
  #phase: Phase = 'precopy';
  /** Handed over, and all is here. */
  #isOver = false;
  #assembly: Assembly | undefined;
  #memory: DestinationMemory | undefined;
  #barrier = new Barrier(1);
  /** Another one: a connection that is at a round's end has not ended. */
  #endBarrier = new Barrier(1);
  readonly #members = new Membership();
  #rounds = 0;
  #digest: number | undefined;
  /** The guest could be run from its state. */
  #restored: Promise<void> = Promise.resolve();
  /** What the source says that it has not sent. */
  #listed = new PageSet(0);
  readonly #wanted = new WantedPages();
  readonly #arrivals: Arrivals;
  #finish: (handedOver: boolean) => void = () => {};
  readonly #finished = new Promise<boolean>((resolve) => {
    this.#finish = resolve;
  });

  constructor(options: DestinationOptions & Checked) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.accept);
    this.#connections = new Connections(options);
  }

  async run(): Promise<Received> {
    try {
      await this.#accept();
      const main = this.#main;
      await main.writer.ack(0, 0);
      return this.#received(await this.#outcome());
    } catch (error) {
      throw this.#connections.failWith(error);
    } finally {
      await this.#connections.left();
      this.#connections.close();
    }
  }

  async #outcome(): Promise<boolean> {
    try {
      return await this.#connections.orFailure(this.#finished);
    } catch (error) {
      // Everything was here and compared, and only the last word is missing.
      if (this.#phase === 'whole' && lostConnection(error)) return false;
      if (this.#phase === 'ready' || this.#phase === 'postcopy') {
        return recover(this.#recovering, error, this.#options);
      }
      throw error;
    }
  }

  #received(handedOver: boolean): Received {
    const { shape, normal, duplicate } = this.#assembly as Assembly;
    const [rounds, digest] = [this.#rounds, this.#digest];
    const requests = this.#phase === 'postcopy' ? this.#wanted.requests : undefined;
    return { shape, normal, duplicate, rounds, requests, digest, handedOver };
  }

  async #accept(): Promise<void> {
    const first = await this.#acceptOne();
    await Promise.all(Array.from({ length: first.channels - 1 }, () => this.#acceptOne()));
  }

  async #acceptOne(): Promise<Header> {
    const channel = await this.#arrivals.next((one) => this.#connections.orFailure(one));
    return this.#open(channel);
  }

  /** What a recovery needs of this side. */
  get #recovering(): Recovering {
    return {
      arrived: () => {
        const { normal = 0, duplicate = 0 } = this.#assembly ?? {};
        return normal + duplicate;
      },
      finished: this.#finished,
      startAnew: () => this.#startAnew(),
      accept: () => this.#accept(),
      resume: () => this.#resume(),
    };
  }

  #startAnew(): Connections {
    const { signal: _, ...options } = this.#options;
    this.#options.progress?.('postcopy-paused');
    this.#connections.close();
    this.#connections = new Connections(options);
    this.#connections.commit();
    this.#members.clear();
    this.#endBarrier = new Barrier(this.#header.channels);
    return this.#connections;
  }

  async #resume(): Promise<void> {
    const { writer } = this.#main;
    const { missing } = this.#assembly as Assembly;
    for (const runs of missing.runs(MOST_RUNS)) await writer.missing(runs);
    await writer.postcopy();
    // The source does not come back before it has handed the guest over.
    if (this.#phase === 'ready') this.#run();
    else this.#options.progress?.('postcopy-active');
    await this.#wanted.askAgain(missing, writer);
  }

  /** Listens to a new connection; resolves with its header. */
  #open(channel: Channel): Promise<Header> {
    const connection = this.#connections.add(channel);
    const tally = { pages: 0, zeroPages: 0 };
    // The source closes all when it has said its last word; over which the end is heard first is chance.
    const mayEnd = (): boolean =>
      (this.#phase === 'whole' && connection !== this.#main) || this.#isOver;
    const header = new Promise<Header>((resolve) => {
      const visit = (record: StreamRecord, decoder: StreamDecoder): void | Promise<void> => {
        if (record.kind !== 'header') return this.#take(record, decoder, tally);
        if (decoder.totals.records > 0) throw damaged(record.offset, 'one header', 'another');
        this.#admit(record.header, connection);
        resolve(record.header);
        return undefined;
      };
      this.#connections.listen(connection, visit, mayEnd);
    });
    return this.#connections.orFailure(header);
  }

  #admit(header: Header, connection: Connection): void {
    if (this.#members.header === undefined) this.#makeMemory(header);
    this.#members.add(header);
    // Answers go over the connection that the source calls its first.
    if (header.channel === 0) {
      const { all } = this.#connections;
      all.splice(all.indexOf(connection), 1);
      all.unshift(connection);
    }
  }

  #makeMemory(header: Header): void {
    this.#memory = this.#options.open(header.shape, header.machine);
    if (header.mayPostcopy && this.#memory.postcopy === undefined) {
      const expected = 'expected a migration that ends before the guest runs here';
      throw new MigrationError('refused', `${expected}, got one that may go on by post-copy`);
    }
    this.#listed = new PageSet(header.shape.pages);
    this.#assembly = new Assembly(header, this.#memory, this.#options);
    this.#barrier = new Barrier(header.channels);
    this.#endBarrier = new Barrier(header.channels);
  }

  #take(record: StreamRecord, decoder: StreamDecoder, tally: Tally): void | Promise<void> {
    const assembly = this.#assembly;
    if (assembly === undefined) throw damaged(record.offset, 'a header first', record.kind);
    assertInOrder(record, { phase: this.#phase, isOver: this.#isOver });
    switch (record.kind) {
      case 'pages':
        tally.pages += record.hvns.length;
        return assembly.pages(record);
      case 'zeroPages':
        for (let run = 1; run < record.runs.length; run += 2) {
          tally.zeroPages += record.runs[run] as number;
        }
        return assembly.zeroPages(record);
      case 'state':
        this.#restored = Promise.resolve(assembly.state(record));
        this.#restored.catch(() => {}); // met by whoever waits for it
        return undefined;
      case 'preview':
        return this.#memory?.previewState?.(record.state);
      case 'roundEnd':
        return this.#endRound(record.round, record.offset);
      case 'end':
        assertTotals(record, { ...tally, ...decoder.totals });
        return this.#end();
      case 'digest':
        return this.#compare(record.digest);
      case 'missing':
        return forEachPage(record, assembly.shape.pages, (hvn) => this.#listed.add(hvn));
      case 'postcopy':
        this.#phase = 'preparing';
        // Not waited for: who cancels meanwhile is heard.
        this.#prepare().catch((error: unknown) => this.#connections.failWith(error));
        return undefined;
      case 'handover':
        if (this.#phase === 'ready') return this.#run();
        this.#isOver = true;
        return this.#finish(true);
      default:
        throw damaged(record.offset, 'a record for a destination', record.kind);
    }
  }

  #endRound(round: number, offset: number): Promise<void> {
    if (round !== this.#rounds + 1) throw damaged(offset, `round ${this.#rounds + 1}`, `${round}`);
    return this.#connections.orFailure(
      this.#barrier.arrive(async () => {
        this.#rounds = round;
        await this.#main.writer.ack(round, 0);
      }),
    );
  }

  /** Of the first connection; there is one whenever this is asked for. */
  get #header(): Header {
    return this.#members.header as Header;
  }

  get #main(): Connection {
    return this.#connections.all[0] as Connection;
  }

  #end(): Promise<void> {
    const isRunning = this.#phase === 'postcopy';
    return this.#connections.orFailure(
      this.#endBarrier.arrive(async () => {
        await this.#untilRestored();
        this.#assembly?.assertWhole();
        if (isRunning) this.#isOver = true;
        else this.#phase = 'whole';
        await this.#main.writer.ack(END_ACK, 0).catch((error: unknown) => {
          // All is here and runs: whether the source has heard of it is its own concern.
          if (!isRunning) throw error;
        });
        if (isRunning) this.#finish(true);
      }),
    );
  }

  /** Until the guest could be run. */
  #untilRestored(): Promise<void> {
    const how = { clock: this.#options.clock, connections: this.#connections };
    return sayingBusy(this.#restored, how, () => this.#main.writer.ack(BUSY_ACK, 0));
  }

  /** Everything that the guest needs to run is here, but for pages. */
  async #prepare(): Promise<void> {
    await this.#untilRestored();
    this.#assembly?.beginPostcopy(this.#listed, this.#postcopy);
    this.#phase = 'ready';
    // Whoever cancels from here on would take the guest from a source that may have given it up.
    this.#connections.commit();
    await this.#main.writer.ack(POSTCOPY_ACK, 0);
  }

  #run(): void {
    this.#phase = 'postcopy';
    this.#options.progress?.('postcopy-active');
    this.#postcopy.run((hvn) => this.#ask(hvn));
  }

  get #postcopy(): PostcopyMemory {
    const memory = this.#memory?.postcopy;
    if (memory !== undefined) return memory;
    throw new MigrationError('refused', 'expected a header that says post-copy, got none');
  }

  #ask(hvn: number): void {
    if (this.#assembly?.missing.has(hvn) !== true) return; // it has come meanwhile
    this.#wanted.ask(hvn, this.#connections.all[0]?.writer);
  }

  async #compare(theirs: number): Promise<void> {
    const memory = this.#memory as DestinationMemory;
    const digest = await contentDigest(memory, this.#header.shape, this.#options);
    if (digest !== theirs) {
      this.#phase = 'precopy';
      const message = `expected memory of checksum ${theirs}, as the source has it, got ${digest}`;
      throw new MigrationError('damaged', message);
    }
    this.#digest = digest;
    await this.#main.writer.digest(digest);
  }
}

interface Tally {
  pages: number;
  zeroPages: number;
}

/** A broken connection, and neither damage nor somebody's decision. */
const lostConnection = (error: unknown): boolean =>
  error instanceof MigrationError && (error.reason === 'closed' || error.reason === 'stalled');
