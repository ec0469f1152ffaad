// The side that the guest comes to. Its memory is good for something only when `receiveMigration` has resolved; in post-copy
// the guest runs before that, and what it touches and has not come is asked for.
//
//   precopy ---end---> whole ---handover---> done
//      '---postcopy---> preparing ---> ready ---handover---> postcopy ---end---> done
//
// In `ready` and `postcopy` a broken connection may come back: the source may have given the guest up.
import { Assembly, type AssemblyOptions, assertTotals } from './assembly.ts';
import { Barrier } from './barrier.ts';
import type { Channel } from './channel.ts';
import { type Checked, loadChecksum } from './checksum.ts';
import { type Connection, type ConnectionOptions, Connections } from './connection.ts';
import { contentDigest } from './content-digest.ts';
import { type FailureReason, MigrationError } from './failure.ts';
import type { DestinationMemory, PostcopyMemory } from './guest.ts';
import { PageSet } from './page-set.ts';
import {
  BUSY_ACK,
  damaged,
  END_ACK,
  forEachPage,
  type Header,
  POSTCOPY_ACK,
  type StreamRecord,
} from './records.ts';
import { assertSameShape, type Shape } from './shape.ts';
import { MOST_RUNS, MOST_WANTED } from './stream.ts';
import type { StreamDecoder } from './stream-decoder.ts';

/** How a migration is taken in. */
export interface DestinationOptions extends ConnectionOptions, AssemblyOptions {
  /** The next connection. The first one says how many there are. */
  readonly accept: () => Promise<Channel>;
  /** Makes the memory for a VM of this shape, or throws what is wrong with it; `machine`: the source's word for the guest. */
  readonly open: (shape: Shape, machine: string) => DestinationMemory;
  /** Post-copy: how long a broken connection may take to come back. Seconds, 30 unless said. */
  readonly recoverS?: number;
  /** Told when the guest may run before all of it is there, and when the connection breaks meanwhile. */
  readonly progress?: (status: 'postcopy-active' | 'postcopy-paused') => void;
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
  /** Pages that the guest waited for while it ran already; undefined of a pre-copy. */
  readonly requests: number | undefined;
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
  #connections: Connections;
  #phase: Phase = 'precopy';
  /** Handed over, and all is here. */
  #isOver = false;
  #assembly: Assembly | undefined;
  #memory: DestinationMemory | undefined;
  #barrier = new Barrier(1);
  /** Another one: a connection that is at a round's end has not ended. */
  #endBarrier = new Barrier(1);
  readonly #numbers = new Set<number>();
  #header: Header | undefined;
  #rounds = 0;
  #digest: number | undefined;
  /** The guest could be run from its state. */
  #restored: Promise<void> = Promise.resolve();
  /** What the source says that it has not sent. */
  #listed = new PageSet(0);
  /** Pages that the guest waits for, or has waited for. */
  readonly #wanted = new Set<number>();
  #requests = 0;
  /** Connections that were waited for in vain: whoever comes next comes to these. */
  readonly #accepting: Promise<Channel>[] = [];
  #finish: (handedOver: boolean) => void = () => {};
  readonly #finished = new Promise<boolean>((resolve) => {
    this.#finish = resolve;
  });

  constructor(options: DestinationOptions & Checked) {
    this.#options = options;
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
      if (this.#phase === 'ready' || this.#phase === 'postcopy') return this.#recover(error);
      throw error;
    }
  }

  #received(handedOver: boolean): Received {
    const { shape, normal, duplicate } = this.#assembly as Assembly;
    const [rounds, digest] = [this.#rounds, this.#digest];
    const requests = this.#phase === 'postcopy' ? this.#requests : undefined;
    return { shape, normal, duplicate, rounds, requests, digest, handedOver };
  }

  async #accept(): Promise<void> {
    const first = await this.#open(await this.#nextChannel());
    await Promise.all(
      Array.from({ length: first.channels - 1 }, async () => {
        await this.#open(await this.#nextChannel());
      }),
    );
  }

  async #nextChannel(): Promise<Channel> {
    const accepting = this.#accepting.shift() ?? this.#options.accept();
    let came = false;
    const channel = accepting.then((one) => {
      came = true;
      return one;
    });
    try {
      return await this.#connections.orFailure(channel);
    } finally {
      if (!came) this.#accepting.push(accepting);
    }
  }

  /** Waits for the source to come back, again and again until all is here. Whatever it says of itself ends that. */
  async #recover(failure: unknown): Promise<boolean> {
    const { clock, recoverS = 30 } = this.#options;
    let brokenAt = clock.now();
    for (let error = failure; ; await clock.sleep(LOOK_MS)) {
      if (!(error instanceof MigrationError) || FINAL.includes(error.reason)) throw error;
      this.#startAnew();
      try {
        await this.#comeBack(error, brokenAt + recoverS * 1000);
        // Broken anew, it has as long again: but a connection that brought nothing was none.
        const before = this.#arrived;
        const handedOver = this.#connections.orFailure(this.#finished);
        await handedOver.catch(() => {});
        if (this.#arrived > before) brokenAt = clock.now();
        return await handedOver;
      } catch (again) {
        error = this.#connections.error ?? again;
      }
    }
  }

  #startAnew(): void {
    const { signal: _, ...options } = this.#options;
    this.#options.progress?.('postcopy-paused');
    this.#connections.close();
    this.#connections = new Connections(options);
    this.#connections.commit();
    this.#numbers.clear();
    this.#endBarrier = new Barrier((this.#header as Header).channels);
  }

  get #arrived(): number {
    const { normal = 0, duplicate = 0 } = this.#assembly ?? {};
    return normal + duplicate;
  }

  /** `until`: when it is too late, by the clock. */
  async #comeBack(failure: MigrationError, until: number): Promise<void> {
    const { clock } = this.#options;
    const connections = this.#connections;
    let isBack = false;
    const watch = async (): Promise<void> => {
      while (clock.now() < until) {
        await clock.sleep(LOOK_MS);
        if (isBack || connections.error !== undefined) return;
      }
      const message = `expected the source to come back in time, got: ${failure.message}`;
      connections.fail(new MigrationError('lost', message, { cause: failure }));
    };
    void watch();
    await this.#accept();
    isBack = true;
    const { writer } = this.#main;
    for (const runs of (this.#assembly as Assembly).missing.runs(MOST_RUNS)) {
      await writer.missing(runs);
    }
    await writer.postcopy();
    // The source does not come back before it has handed the guest over.
    if (this.#phase === 'ready') this.#run();
    else this.#options.progress?.('postcopy-active');
    const wanted = [...this.#wanted].filter((hvn) => this.#assembly?.missing.has(hvn));
    for (let at = 0; at < wanted.length; at += MOST_WANTED) {
      await writer.request(wanted.slice(at, at + MOST_WANTED));
    }
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
    if (this.#header === undefined) {
      this.#memory = this.#options.open(header.shape, header.machine);
      if (header.mayPostcopy && this.#memory.postcopy === undefined) {
        const expected = 'expected a migration that ends before the guest runs here';
        throw new MigrationError('refused', `${expected}, got one that may go on by post-copy`);
      }
      this.#listed = new PageSet(header.shape.pages);
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

  /** What was compared is what is handed over: pages come before the end, digest and handover after it. */
  #checkOrder({ kind, offset }: StreamRecord): void {
    const { kinds, says } = ORDER[this.#phase];
    if (!this.#isOver && kinds.includes(kind)) return;
    throw damaged(offset, says, kind);
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

  /** Until the guest could be run. Says now and then that it is at it: else both sides would think that the other stands still. */
  async #untilRestored(): Promise<void> {
    const { clock } = this.#options;
    const connections = this.#connections;
    let isDone = false;
    const sayBusy = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(LOOK_MS);
        if (isDone || connections.error !== undefined) return;
        await this.#main.writer.ack(BUSY_ACK, 0).catch(() => {});
      }
    };
    void sayBusy();
    try {
      await connections.orFailure(this.#restored);
    } finally {
      isDone = true;
    }
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
    this.#requests++;
    this.#wanted.add(hvn);
    // Over a connection that has broken it is lost, and asked again over the next.
    this.#connections.all[0]?.writer.request([hvn]).catch(() => {});
  }

  async #compare(theirs: number): Promise<void> {
    const memory = this.#memory as DestinationMemory;
    const digest = await contentDigest(memory, (this.#header as Header).shape, this.#options);
    if (digest !== theirs) {
      this.#phase = 'precopy';
      const message = `expected memory of checksum ${theirs}, as the source has it, got ${digest}`;
      throw new MigrationError('damaged', message);
    }
    this.#digest = digest;
    await this.#main.writer.digest(digest);
  }
}

type Phase = 'precopy' | 'whole' | 'preparing' | 'ready' | 'postcopy';

const PAGES: readonly StreamRecord['kind'][] = ['pages', 'zeroPages', 'end'];
/** What may come, and what was expected where something else does. */
const ORDER: Readonly<
  Record<Phase, { readonly kinds: readonly StreamRecord['kind'][]; readonly says: string }>
> = {
  precopy: {
    kinds: [...PAGES, 'roundEnd', 'state', 'preview', 'missing', 'postcopy'],
    says: 'the end of all pages',
  },
  whole: {
    kinds: ['digest', 'handover'],
    says: 'nothing but digest and handover after the end',
  },
  preparing: { kinds: [], says: 'nothing until the guest could run' },
  ready: { kinds: ['handover'], says: 'the handover, as all else was said' },
  postcopy: { kinds: PAGES, says: 'pages that were missing, or their end' },
};

/** How often it is looked whether something is over. */
const LOOK_MS = 100;

/** After these nobody comes back: the source has the guest, or this side cannot go on. */
const FINAL: readonly FailureReason[] = ['refused', 'cancelled', 'lost'];

interface Tally {
  pages: number;
  zeroPages: number;
}

/** A broken connection, and neither damage nor somebody's decision. */
const lostConnection = (error: unknown): boolean =>
  error instanceof MigrationError && (error.reason === 'closed' || error.reason === 'stalled');
