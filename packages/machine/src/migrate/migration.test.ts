import { describe, expect, it } from 'vitest';
import { channelPair, clock } from '../../test/channel-pair.ts';
import { PAGE, type PlainGuest, writtenGuest } from '../../test/plain-guest.ts';
import type { Channel } from './channel.ts';
import { loadChecksum } from './checksum.ts';
import { contentDigest } from './content-digest.ts';
import { receiveMigration } from './destination.ts';
import { MigrationError } from './failure.ts';
import type { MigrationInfo } from './migration-info.ts';
import type { Received } from './received.ts';
import { type SourceOptions, sendMigration } from './source.ts';
import { plainMemory } from './vm-guest.ts';

const checksum = await loadChecksum();
const PAGES = 300;

interface Outcome {
  readonly source: MigrationInfo | MigrationError;
  readonly destination: Received | MigrationError;
  readonly memory: Uint8Array;
}

interface Setting extends Partial<SourceOptions> {
  readonly connections?: number;
  readonly bend?: (channel: Channel) => Channel;
  readonly compressions?: SourceOptions['compression'][];
}

/** A migration of `guest`, both sides in this thread. */
async function migrate(guest: PlainGuest, setting: Setting = {}): Promise<Outcome> {
  const { connections = 1, bend = (channel) => channel, compressions = [], ...options } = setting;
  const pairs = Array.from({ length: connections }, channelPair);
  const arriving = pairs.map(([, there]) => there).reverse();
  const memory = new Uint8Array(PAGES * PAGE);
  const destination = receiveMigration({
    clock,
    stallMs: 1000,
    accept: () => Promise.resolve(arriving.pop() as Channel),
    open: () => plainMemory(memory, PAGE),
    compressions: compressions.flatMap((one) => one ?? []),
  });
  const here = pairs.map(([channel]) => bend(channel));
  const source = sendMigration(guest, here, {
    clock,
    session: 1,
    stallMs: 1000,
    ...options,
  });
  const settled = await Promise.all([source, destination].map((side) => side.catch(asError)));
  const [one, other] = settled as [Outcome['source'], Outcome['destination']];
  return { source: one, destination: other, memory };
}

function asError(error: unknown): MigrationError {
  if (error instanceof MigrationError) return error;
  throw error;
}

const written = (): PlainGuest => writtenGuest(PAGES);

describe('a migration of a guest that stands still', () => {
  it('brings all memory over', async () => {
    const guest = written();
    const { memory } = await migrate(guest);
    expect(memory).toEqual(guest.bytes);
  });

  it('counts pages with contents and zero pages apart', async () => {
    const { source, destination } = await migrate(written());
    expect(source).toMatchObject({ status: 'completed', ram: { normal: 150, duplicate: 150 } });
    expect(destination).toMatchObject({ normal: 150, duplicate: 150, handedOver: true });
  });

  it('has the same digest on both sides', async () => {
    const guest = written();
    const { source, destination } = await migrate(guest);
    const digest = await contentDigest(guest, guest.shape, { checksum, clock });
    expect([source, destination]).toMatchObject([{ digest }, { digest }]);
  });

  it('leaves it paused and no longer logged', async () => {
    const guest = written();
    await migrate(guest);
    expect(guest.state).toEqual({ logging: false, paused: true, throttle: 0 });
  });

  it.each([2, 3, 16])('goes over %i connections', async (connections) => {
    const guest = written();
    const { memory, destination } = await migrate(guest, { connections });
    expect(memory).toEqual(guest.bytes);
    expect(destination).toMatchObject({ handedOver: true });
  });
});

describe('a migration of a guest that writes', () => {
  const writer = (rounds: number, pages: number): PlainGuest => {
    const guest = written();
    let round = 0;
    guest.beforeHarvest = () => {
      if (++round > rounds) return;
      for (let page = 0; page < pages; page++) guest.write((page * 7) % PAGES, round + page + 1);
    };
    return guest;
  };

  it.each([1, 4])('brings over what was written last, over %i connections', async (connections) => {
    const guest = writer(5, 40);
    const { memory } = await migrate(guest, { connections, downtimeLimitMs: 0 });
    expect(memory).toEqual(guest.bytes);
  });

  it('sends a page that became zero again as a zero page', async () => {
    const guest = written();
    guest.beforeHarvest = () => {
      guest.beforeHarvest = () => {};
      guest.bytes.fill(0, 0, PAGE);
      guest.write(0, 0);
    };
    const { memory, source } = await migrate(guest, { downtimeLimitMs: 0 });
    expect(memory).toEqual(guest.bytes);
    expect(source).toMatchObject({ ram: { normal: 149 + 1, duplicate: 151 } });
  });

  it('takes rounds until the rest fits in the downtime', async () => {
    const guest = writer(3, 10);
    const { source } = await migrate(guest, { downtimeLimitMs: 0 });
    expect(source).toMatchObject({ rounds: [300, 10, 10, 10, 0] });
  });

  it('is given up when the time is over, and the guest runs on', async () => {
    const guest = writer(Number.POSITIVE_INFINITY, 10);
    const { source, destination } = await migrate(guest, { downtimeLimitMs: 0, timeoutS: 0.05 });
    expect(source).toMatchObject({ reason: 'diverging' });
    expect(destination).toMatchObject({ reason: 'refused' });
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });

  it('stops the guest all the same when told to ignore the time', async () => {
    const guest = writer(Number.POSITIVE_INFINITY, 10);
    const timeout = { timeoutS: 0.05, timeoutStrategy: 'ignore' } as const;
    const { memory } = await migrate(guest, { downtimeLimitMs: 0, ...timeout });
    expect(memory).toEqual(guest.bytes);
  });

  it('slows the vCPUs down, more each time, when asked to', async () => {
    const guest = writer(8, 290);
    const seen: number[] = [];
    guest.throttle = (percent) => void seen.push(percent);
    await migrate(guest, { downtimeLimitMs: 0, autoConverge: true });
    expect(seen).toEqual([20, 30, 40, 50, 0]);
  });
});

describe('compression', () => {
  /** Run lengths: short where pages are dull. */
  const runs = {
    name: 'runs',
    compress: (bytes: Uint8Array): Uint8Array => {
      const out: number[] = [];
      for (const byte of bytes) {
        const last = out.length - 2;
        if (last >= 0 && out[last] === byte && (out[last + 1] as number) < 255) {
          out[last + 1] = (out[last + 1] as number) + 1;
        } else out.push(byte, 1);
      }
      return Uint8Array.from(out);
    },
    decompress: (bytes: Uint8Array): Uint8Array => {
      const out: number[] = [];
      for (let at = 0; at < bytes.length; at += 2) {
        for (let count = bytes[at + 1] as number; count > 0; count--) out.push(bytes[at] as number);
      }
      return Uint8Array.from(out);
    },
  };

  it('makes the stream shorter and the memory no other', async () => {
    const guest = written();
    const plain = await migrate(guest);
    guest.resume();
    const short = await migrate(guest, { compression: runs, compressions: [runs] });
    expect(short.memory).toEqual(guest.bytes);
    const bytes = ({ source }: Outcome): number =>
      source instanceof Error ? Number.NaN : source.ram.transferred;
    expect(bytes(short)).toBeLessThan(bytes(plain) / 2);
  });

  it('is refused by a destination that does not know it', async () => {
    const guest = written();
    const { source, destination } = await migrate(guest, { compression: runs });
    expect(destination).toMatchObject({
      reason: 'version',
      message: "expected one of the compressions none, got 'runs'",
    });
    expect(source).toMatchObject({ reason: 'refused' });
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });
});

describe('a migration that is cancelled', () => {
  it('ends on both sides, and the guest runs on', async () => {
    const guest = written();
    const controller = new AbortController();
    guest.beforeHarvest = () => controller.abort();
    const { source, destination } = await migrate(guest, { signal: controller.signal });
    expect([source, destination]).toMatchObject([{ reason: 'cancelled' }, { reason: 'cancelled' }]);
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });
});

describe('a connection that fails', () => {
  const bent = (change: (bytes: Uint8Array, channel: Channel) => Promise<void>) => {
    return (channel: Channel): Channel => ({
      ...channel,
      send: (bytes) => change(bytes, channel),
    });
  };

  it.each([1, 3])('leaves the guest running when it breaks, of %i', async (connections) => {
    const guest = written();
    let left = 5;
    const bend = bent((bytes, channel) => {
      if (--left === 0) channel.close();
      return channel.send(bytes);
    });
    const { source, destination } = await migrate(guest, { bend, connections });
    expect([source, destination]).toMatchObject([{ reason: 'closed' }, { reason: 'closed' }]);
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });

  it('is found out when it stands still', async () => {
    const guest = written();
    let left = 4;
    const bend = bent((bytes, channel) =>
      --left <= 0 ? new Promise(() => {}) : channel.send(bytes),
    );
    const { source } = await migrate(guest, { bend, stallMs: 100 });
    expect(source).toMatchObject({ reason: 'stalled' });
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });

  it('is refused when a byte is changed, and both sides know why', async () => {
    const guest = written();
    let left = 3;
    const bend = bent((bytes, channel) => {
      if (--left === 0) bytes[50] = (bytes[50] as number) ^ 1;
      return channel.send(bytes);
    });
    const { source, destination } = await migrate(guest, { bend });
    expect(destination).toMatchObject({ reason: 'damaged' });
    expect(source).toMatchObject({
      reason: 'refused',
      message: expect.stringMatching(/^the other side: byte \d+: expected /) as string,
    });
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });
});

describe('a page that the log does not hold', () => {
  it('is found by the comparison, and the guest runs on', async () => {
    const guest = written();
    const pause = guest.pause;
    guest.pause = () => {
      guest.bytes[5 * PAGE] = 77; // as if the fast path had not marked it
      pause();
    };
    const { source, destination } = await migrate(guest);
    expect(destination).toMatchObject({ reason: 'damaged' });
    expect(source).toMatchObject({ reason: 'refused' });
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });
});

describe('a migration over no channel', () => {
  it('is refused, and the guest left as it is', async () => {
    const guest = written();
    await expect(sendMigration(guest, [], { clock, session: 1 })).rejects.toThrow(
      new RangeError('expected at least one channel, got none'),
    );
    expect(guest.state).toEqual({ logging: false, paused: false, throttle: 0 });
  });
});

describe('a migration that is cancelled while it waits for its turn to send', () => {
  it('does not wait any longer', async () => {
    const controller = new AbortController();
    let asleep = 0;
    const sleepy = {
      now: clock.now,
      sleep(ms: number): Promise<void> {
        if (ms < 1000) return clock.sleep(ms);
        asleep++;
        controller.abort();
        return new Promise(() => {});
      },
    };
    const { signal } = controller;
    const guest = written();
    const setting = { signal, clock: sleepy, maxBandwidth: 10 };
    const { source } = await migrate(guest, setting);
    expect([asleep, source, guest.state.logging]).toMatchObject([
      1,
      { reason: 'cancelled' },
      false,
    ]);
  });
});
