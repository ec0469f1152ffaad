// A destination that meets a source which does not keep to the order.
import { describe, expect, it } from 'vitest';
import { channelPair, clock } from '../../test/channel-pair.ts';
import { PAGE, plainGuest } from '../../test/plain-guest.ts';
import { postcopyMemory } from '../../test/postcopy-memory.ts';
import type { Channel } from './channel.ts';
import { loadChecksum } from './checksum.ts';
import { contentDigest } from './content-digest.ts';
import { receiveMigration } from './destination.ts';
import { MigrationError } from './failure.ts';
import type { DestinationMemory } from './guest.ts';
import { PageBatch } from './page-batch.ts';
import { RecordWriter } from './record-writer.ts';
import type { Header } from './records.ts';
import { plainMemory } from './vm-guest.ts';

const checksum = await loadChecksum();
const PAGES = 40;
const { shape } = plainGuest(PAGES);
const HEADER: Header = {
  shape,
  session: 1,
  channel: 0,
  channels: 1,
  compression: '',
  machine: '',
  mayPostcopy: false,
};

type Script = (writers: readonly RecordWriter[]) => Promise<void>;

/** What a destination says to sources of the test's own. */
async function receive(
  connections: number,
  script: Script,
  open: () => DestinationMemory = () => plainMemory(new Uint8Array(PAGES * PAGE), PAGE),
): Promise<unknown> {
  const pairs = Array.from({ length: connections }, channelPair);
  const arriving = pairs.map(([, there]) => there).reverse();
  // When all have come nobody else does.
  const accept = async () => arriving.pop() ?? (await new Promise<Channel>(() => {}));
  const received = receiveMigration({ clock, stallMs: 400, recoverS: 0.2, accept, open });
  for (const [here] of pairs) void drained(here);
  await script(pairs.map(([here]) => new RecordWriter(here, checksum))).catch(() => {});
  return received.catch((error: unknown) => error);
}

async function drained(channel: Channel): Promise<void> {
  for await (const _ of channel.receive());
}

const batch = (): PageBatch => {
  const pages = new PageBatch(PAGE);
  const copyPage = (_: number, into: Uint8Array, at: number) => {
    into.fill(1, at, at + PAGE);
    return true;
  };
  pages.add({ copyPage }, 3);
  return pages;
};

const single =
  (rest: (writer: RecordWriter) => Promise<void>) =>
  async ([writer]: readonly RecordWriter[]) => {
    await writer?.header(HEADER);
    if (writer !== undefined) await rest(writer);
  };

const zeros = plainMemory(new Uint8Array(PAGES * PAGE), PAGE);
const empty = await contentDigest(zeros, shape, { checksum, clock });

describe('a stream out of order', () => {
  const after = 'expected nothing but digest and handover after the end, got';
  const before = 'expected the end of all pages, got';
  const scripts: [string, string, (writer: RecordWriter) => Promise<void>][] = [
    [
      'pages after what was compared',
      `${after} pages`,
      async (writer) => {
        await writer.zeroPages([0, PAGES]);
        await writer.end();
        await writer.digest(empty);
        await writer.pages(batch());
        await writer.handover();
      },
    ],
    [
      'a digest before the pages',
      `${before} digest`,
      async (writer) => {
        await writer.digest(empty);
        await writer.pages(batch());
        await writer.zeroPages([0, PAGES]);
        await writer.end();
        await writer.handover();
      },
    ],
    [
      'a second end',
      `${after} end`,
      async (writer) => {
        await writer.zeroPages([0, PAGES]);
        await writer.end();
        await writer.end();
        await writer.handover();
      },
    ],
    ['a handover at once', `${before} handover`, (writer) => writer.handover()],
    [
      'zero pages again and again in one record',
      'expected runs in order, 40 or later, got one from 0 on',
      (writer) => writer.zeroPages([0, PAGES, 0, PAGES]),
    ],
  ];

  it.each(scripts)('is refused: %s', async (_, message, script) => {
    const error = await receive(1, single(script));
    expect(error).toMatchObject({ reason: 'damaged', message: expect.stringContaining(message) });
  });
});

describe('a post-copy out of order', () => {
  const header = { ...HEADER, mayPostcopy: true };
  const scripts: [string, string, (writer: RecordWriter) => Promise<void>][] = [
    [
      'pages between the list of what is missing and the handover',
      'expected the handover, as all else was said, got pages',
      async (writer) => {
        await writer.missing([0, PAGES]);
        await writer.postcopy();
        await clock.sleep(50);
        await writer.pages(batch());
      },
    ],
    [
      'a page twice: the guest may have written it since',
      'expected a page that is missing, got hvn 3',
      async (writer) => {
        await writer.missing([0, PAGES]);
        await writer.postcopy();
        await clock.sleep(50);
        await writer.handover();
        await writer.pages(batch());
        await writer.pages(batch());
      },
    ],
    [
      'a page that was neither sent nor said to be missing',
      'got none for hvn 39',
      async (writer) => {
        await writer.missing([0, PAGES - 1]);
        await writer.postcopy();
      },
    ],
    [
      'an end without all pages',
      "expected every page of the guest at the stream's end, got none for hvn 0",
      async (writer) => {
        await writer.missing([0, PAGES]);
        await writer.postcopy();
        await clock.sleep(50);
        await writer.handover();
        await writer.end();
      },
    ],
  ];

  it.each(scripts)('is refused: %s', async (_, message, script) => {
    const error = await receive(
      1,
      async ([writer]) => {
        await writer?.header(header);
        if (writer !== undefined) await script(writer);
      },
      () => postcopyMemory(PAGES),
    );
    expect(error).toMatchObject({ message: expect.stringContaining(message) as string });
  });
});

describe('a second connection', () => {
  const two = { ...HEADER, channels: 2 };
  const second =
    (header: Header): Script =>
    async ([one, other]) => {
      await one?.header(two);
      await other?.header(header);
    };

  it('is of the same memory', async () => {
    const other = { ...two, channel: 1, shape: { ...shape, pageSize: 16 } };
    expect(await receive(2, second(other))).toMatchObject({ reason: 'version' });
  });

  it('is not the first once more', async () => {
    expect(await receive(2, second(two))).toMatchObject({
      message: 'byte 0: expected each connection once, got connection 0 again',
    });
  });

  it('has to end too: a round that is over is no end', async () => {
    const error = await receive(2, async ([one, other]) => {
      await one?.header(two);
      await other?.header({ ...two, channel: 1 });
      await one?.zeroPages([0, PAGES]);
      await one?.end();
      await other?.roundEnd(1);
      await one?.handover();
    });
    expect(error).toBeInstanceOf(MigrationError);
  });
});

describe('a destination that cannot have such a guest', () => {
  it('says why, and not that the connection was lost', async () => {
    const error = await receive(
      1,
      single(async () => {}),
      () => {
        throw new RangeError('expected at most 4 pages, got 40');
      },
    );
    expect(error).toMatchObject({
      reason: 'refused',
      message: 'an error of this side: RangeError: expected at most 4 pages, got 40',
    });
  });
});
