// The side that the guest comes to. Its memory is good for something only when `receiveMigration` has resolved.
import { Assembly, type AssemblyOptions, assertTotals } from './assembly.ts';
import { Barrier } from './barrier.ts';
import type { Channel } from './channel.ts';
import { type Checked, loadChecksum } from './checksum.ts';
import { type Connection, type ConnectionOptions, Connections } from './connection.ts';
import { contentDigest } from './content-digest.ts';
import { MigrationError } from './failure.ts';
import type { DestinationMemory } from './guest.ts';
import { damaged, END_ACK, type Header, type StreamRecord } from './records.ts';
import { assertSameShape, type Shape } from './shape.ts';
import type { StreamDecoder } from './stream-decoder.ts';

/** How a migration is taken in. */
export interface DestinationOptions extends ConnectionOptions, AssemblyOptions {
  /** The next connection. The first one says how many there are. */
  readonly accept: () => Promise<Channel>;
  /** Makes the memory for a VM of this shape, or throws what is wrong with the shape. */
  readonly open: (shape: Shape) => DestinationMemory;
}

/** A migration that arrived. */
export interface Received {
  /** The source's, which `open` was asked to make memory for. */
  readonly shape: Shape;
  /** Pages with contents that came; one that came twice counts twice. */
  readonly normal: number;
  /** Zero pages that came, by QEMU's name for them. */
  readonly duplicate: number;
  /** Rounds over all memory that was dirty, the one with the guest stopped included. */
  readonly rounds: number;
  /** Checksum of the memory, equal on both sides; undefined if the source did not ask for it. */
  readonly digest: number | undefined;
  /**
   * True: the source has given the guest up, run it. False: everything has come, but the connection broke before the source
   * said so. It may run the guest on: ask somebody before this one is run.
   */
  readonly handedOver: boolean;
}

/** Takes a migration in. Rejects with a MigrationError: then the memory is worth nothing. */
export async function receiveMigration(options: DestinationOptions): Promise<Received> {
  return new Destination({ ...options, checksum: await loadChecksum() }).run();
}

class Destination {
  readonly #options: DestinationOptions & Checked;
  readonly #connections: Connections;
  #assembly: Assembly | undefined;
  #memory: DestinationMemory | undefined;
  #barrier = new Barrier(1);
  /** Another one: a connection that is at a round's end has not ended. */
  #endBarrier = new Barrier(1);
  readonly #numbers = new Set<number>();
  #header: Header | undefined;
  #rounds = 0;
  #isWhole = false;
  #digest: number | undefined;
  #finish: (handedOver: boolean) => void = () => {};

  constructor(options: DestinationOptions & Checked) {
    this.#options = options;
    this.#connections = new Connections(options);
  }

  async run(): Promise<Received> {
    const connections = this.#connections;
    const finished = new Promise<boolean>((resolve) => {
      this.#finish = resolve;
    });
    try {
      await this.#accept();
      const handedOver = await connections.orFailure(finished).catch((error: unknown) => {
        // Everything was here and compared, and only the last word is missing.
        if (this.#isWhole && lostConnection(error)) return false;
        throw error;
      });
      return this.#received(handedOver);
    } catch (error) {
      throw connections.failWith(error);
    } finally {
      await connections.left();
      connections.close();
    }
  }

  #received(handedOver: boolean): Received {
    const { shape, normal, duplicate } = this.#assembly as Assembly;
    const [rounds, digest] = [this.#rounds, this.#digest];
    return { shape, normal, duplicate, rounds, digest, handedOver };
  }

  async #accept(): Promise<void> {
    const { accept } = this.#options;
    const first = await this.#open(await this.#connections.orFailure(accept()));
    await Promise.all(
      Array.from({ length: first.channels - 1 }, async () => {
        await this.#open(await this.#connections.orFailure(accept()));
      }),
    );
    const main = this.#connections.all.at(0);
    await main?.writer.ack(0, 0);
  }

  /** Listens to a new connection; resolves with its header. */
  #open(channel: Channel): Promise<Header> {
    const connection = this.#connections.add(channel);
    const tally = { pages: 0, zeroPages: 0 };
    // The source closes all when it has said its last word; over which the end is heard first is chance.
    const mayEnd = (): boolean => this.#isWhole && connection !== this.#main;
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
    if (this.#header === undefined) {
      this.#memory = this.#options.open(header.shape);
      this.#assembly = new Assembly(header, this.#memory, this.#options);
      this.#barrier = new Barrier(header.channels);
      this.#endBarrier = new Barrier(header.channels);
      this.#header = header;
    } else if (
      header.session !== this.#header.session ||
      header.channels !== this.#header.channels
    ) {
      const { session, channels } = this.#header;
      const expected = `another connection of migration ${session}, of ${channels}`;
      throw damaged(0, expected, `one of ${header.session}, of ${header.channels}`);
    } else assertSameShape(this.#header.shape, header.shape);
    if (this.#numbers.has(header.channel)) {
      throw damaged(0, 'each connection once', `connection ${header.channel} again`);
    }
    this.#numbers.add(header.channel);
    // Answers go over the connection that the source calls its first.
    if (header.channel === 0) {
      const { all } = this.#connections;
      all.splice(all.indexOf(connection), 1);
      all.unshift(connection);
    }
  }

  #take(record: StreamRecord, decoder: StreamDecoder, tally: Tally): void | Promise<void> {
    const assembly = this.#assembly;
    if (assembly === undefined) throw damaged(record.offset, 'a header first', record.kind);
    this.#checkOrder(record);
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
        return assembly.state(record);
      case 'roundEnd':
        return this.#endRound(record.round, record.offset);
      case 'end':
        assertTotals(record, { ...tally, ...decoder.totals });
        return this.#end();
      case 'digest':
        return this.#compare(record.digest);
      case 'handover':
        return this.#finish(true);
      default:
        throw damaged(record.offset, 'a record for a destination', record.kind);
    }
  }

  /** What was compared is what is handed over: pages come before the end, digest and handover after it. */
  #checkOrder({ kind, offset }: StreamRecord): void {
    const isLast = kind === 'digest' || kind === 'handover';
    if (isLast === this.#isWhole) return;
    const expected = this.#isWhole
      ? 'nothing but digest and handover after the end'
      : 'the end of all pages';
    throw damaged(offset, expected, kind);
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

  get #main(): Connection {
    return this.#connections.all[0] as Connection;
  }

  #end(): Promise<void> {
    return this.#connections.orFailure(
      this.#endBarrier.arrive(async () => {
        this.#assembly?.assertWhole();
        this.#isWhole = true;
        await this.#main.writer.ack(END_ACK, 0);
      }),
    );
  }

  async #compare(theirs: number): Promise<void> {
    const memory = this.#memory as DestinationMemory;
    const digest = await contentDigest(memory, (this.#header as Header).shape, this.#options);
    if (digest !== theirs) {
      this.#isWhole = false;
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
