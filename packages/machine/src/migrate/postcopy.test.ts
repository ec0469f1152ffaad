// Both sides of a post-copy, in this thread; the test is the guest at the destination.
import { describe, expect, it } from 'vitest';
import { channelPair, clock } from '../../test/channel-pair.ts';
import { PAGE, type PlainGuest, writtenGuest } from '../../test/plain-guest.ts';
import { type PostcopyMemoryOfTest, postcopyMemory } from '../../test/postcopy-memory.ts';
import type { Channel } from './channel.ts';
import { receiveMigration } from './destination.ts';
import { MigrationError } from './failure.ts';
import type { DestinationMemory } from './guest.ts';
import type { MigrationInfo } from './migration-info.ts';
import type { Received } from './received.ts';
import { type SourceOptions, sendMigration } from './source.ts';
import { plainMemory } from './vm-guest.ts';

const PAGES = 300;

interface Setting extends Partial<SourceOptions> {
  readonly connections?: number;
  /** The source's end of a connection, of the first ones or of later ones. */
  readonly bend?: (channel: Channel, attempt: number) => Channel;
  readonly into?: DestinationMemory;
  /** The guest at the destination, from when it runs. */
  readonly guestThere?: (memory: PostcopyMemoryOfTest) => Promise<void>;
  readonly comesBack?: boolean;
  readonly destinationSignal?: AbortSignal;
}

interface Outcome {
  readonly source: MigrationInfo | MigrationError;
  readonly destination: Received | MigrationError;
  readonly memory: PostcopyMemoryOfTest;
  readonly statuses: readonly string[];
}

async function migrate(guest: PlainGuest, setting: Setting = {}): Promise<Outcome> {
  const { connections = 1, bend = (channel) => channel, comesBack = true, ...options } = setting;
  const arriving: Channel[] = [];
  const waiting: ((channel: Channel) => void)[] = [];
  const statuses: string[] = [];
  let attempt = 0;
  const connect = (): Channel[] => {
    const pairs = Array.from({ length: connections }, channelPair);
    for (const [, there] of pairs) {
      const next = waiting.shift();
      if (next === undefined) arriving.push(there);
      else next(there);
    }
    attempt++;
    return pairs.map(([here]) => bend(here, attempt));
  };
  const memory = postcopyMemory(PAGES);
  const timing = { clock, stallMs: 300, recoverS: 0.5 };
  const destination = receiveMigration({
    ...timing,
    accept: async () =>
      arriving.shift() ?? (await new Promise<Channel>((take) => waiting.push(take))),
    open: () => setting.into ?? memory,
    ...(setting.destinationSignal === undefined ? {} : { signal: setting.destinationSignal }),
  });
  const guestThere = memory.running.then(() => setting.guestThere?.(memory));
  const source = sendMigration(guest, connect(), {
    ...timing,
    session: 1,
    memoryMode: 'postcopy',
    downtimeLimitMs: -1, // never fits: it is post-copy that is wanted
    progress: ({ status }) => {
      if (statuses.at(-1) !== status) statuses.push(status);
    },
    ...(comesBack ? { reconnect: async () => connect() } : {}),
    ...options,
  });
  const settled = await Promise.all([source, destination].map((side) => side.catch(asError)));
  if (memory.isRunning() && memory.missing.size === 0) await guestThere;
  const [one, other] = settled as [Outcome['source'], Outcome['destination']];
  return { source: one, destination: other, memory, statuses };
}

function asError(error: unknown): MigrationError {
  if (error instanceof MigrationError) return error;
  throw error;
}

const written = (): PlainGuest => writtenGuest(PAGES);

/** Writes in each round, so that there is something left. */
function writing(): PlainGuest {
  const guest = written();
  guest.beforeHarvest = () => {
    for (let page = 0; page < PAGES; page += 3) guest.write(page, page + 7);
  };
  return guest;
}

const left = { logging: false, paused: true, throttle: 0 };
const whole = { logging: false, paused: false, throttle: 0 };

describe('a guest that is handed over before its pages', () => {
  it.each([
    [0, 1],
    [1, 1],
    [2, 1],
    [0, 3],
    [1, 4],
  ])(
    'has all of them at the end, after %i rounds, over %i connections',
    async (rounds, connections) => {
      const guest = writing();
      const outcome = await migrate(guest, { postcopyAfterRounds: rounds, connections });
      expect(outcome.source).toMatchObject({ status: 'completed', confirmed: true });
      expect(outcome.destination).toMatchObject({ handedOver: true, requests: 0 });
      expect(outcome.memory.bytes).toEqual(guest.bytes);
    },
  );

  it('is left behind paused and not logged', async () => {
    const guest = writing();
    await migrate(guest);
    expect(guest.state).toEqual(left);
  });

  it('says where it stands by the names of QEMU', async () => {
    const { statuses } = await migrate(writing());
    expect(statuses).toEqual(['active', 'postcopy-active', 'completed']);
  });

  it('misses only what was written since the round that brought it', async () => {
    const { memory } = await migrate(writing(), { postcopyAfterRounds: 1 });
    expect(memory.installed.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, index) => index * 3),
    );
  });

  it('is handed over as ever when all fits in the downtime before', async () => {
    const { source, destination } = await migrate(written(), { downtimeLimitMs: 1000 });
    expect([source, destination]).toMatchObject([
      { status: 'completed', digest: expect.any(Number) as number },
      { requests: undefined },
    ]);
  });
});

describe('a page that the guest waits for', () => {
  it('comes before those that nobody waits for', async () => {
    const guest = written();
    const { memory, source, destination } = await migrate(guest, {
      postcopyAfterRounds: 0,
      guestThere: async (there) => {
        expect(await there.touch(298)).toBe(guest.bytes[298 * PAGE]);
      },
    });
    expect(memory.installed.indexOf(298)).toBeLessThan(100);
    expect([source, destination]).toMatchObject([
      { ram: { 'postcopy-requests': 1 } },
      { requests: 1 },
    ]);
  });

  it('may be zero', async () => {
    await migrate(written(), {
      postcopyAfterRounds: 0,
      guestThere: async (there) => expect(await there.touch(299)).toBe(0),
    });
  });

  it('brings its neighbours next', async () => {
    const { memory } = await migrate(written(), {
      postcopyAfterRounds: 0,
      guestThere: async (there) => void (await there.touch(200)),
    });
    const { installed } = memory;
    const after = installed.slice(installed.indexOf(200) + 1);
    expect(after.filter((hvn) => hvn % 2 === 0).slice(0, 2)).toEqual([202, 204]);
  });
});

describe('what the guest stores at the destination', () => {
  it('is never overwritten by what comes from the source', async () => {
    const guest = written();
    const { memory } = await migrate(guest, {
      postcopyAfterRounds: 0,
      guestThere: async (there) => {
        for (let hvn = PAGES - 1; hvn >= 0; hvn -= 7) await there.store(hvn, 99);
      },
    });
    for (let hvn = PAGES - 1; hvn >= 0; hvn -= 7) expect(memory.bytes[hvn * PAGE]).toBe(99);
  });
});

describe('what the guest is beside memory', () => {
  it('is there before it runs, as it was when it was paused', async () => {
    const guest = writing();
    let moment = 0;
    guest.previewState = () => Uint8Array.of(++moment);
    guest.saveState = () => Uint8Array.of(guest.state.paused ? 99 : 0);
    let restored = 0;
    const { memory } = await migrate(guest, {
      guestThere: async (there) => {
        restored = there.states.length;
      },
    });
    expect(memory.states).toEqual([
      { state: 1, isLast: false },
      { state: 2, isLast: false },
      { state: 99, isLast: true },
    ]);
    expect(restored).toBe(3);
  });

  it('keeps the guest at the source when the destination cannot restore it', async () => {
    const guest = writing();
    guest.saveState = () => Uint8Array.of(1);
    const into = postcopyMemory(PAGES);
    into.loadState = () => Promise.reject(new RangeError('expected another machine'));
    const { source, destination } = await migrate(guest, { into });
    expect(destination).toMatchObject({ reason: 'refused' });
    expect(source).toMatchObject({
      reason: 'refused',
      message: expect.stringContaining('expected another machine') as string,
    });
    expect([guest.state, into.isRunning()]).toEqual([whole, false]);
  });
});

describe('a destination that is long at restoring it', () => {
  it('is not taken for one that stands still', async () => {
    const guest = writing();
    guest.saveState = () => Uint8Array.of(1);
    const into = postcopyMemory(PAGES);
    into.loadState = () => clock.sleep(800);
    const { source } = await migrate(guest, { into, stallMs: 300 });
    expect(source).toMatchObject({ status: 'completed' });
    expect(into.bytes).toEqual(guest.bytes);
  });
});

describe('a destination that does not run its guest', () => {
  it('says so at once, and the guest runs on', async () => {
    const guest = written();
    const into = plainMemory(new Uint8Array(PAGES * PAGE), PAGE);
    const { source } = await migrate(guest, { into });
    expect(source).toMatchObject({
      reason: 'refused',
      message: expect.stringContaining('got one that may go on by post-copy') as string,
    });
    expect(guest.state).toEqual(whole);
  });
});

/** The source's end, bent at its `nth` send of those that have `bytes` or more, in the first attempt. */
const bentAt =
  (nth: number, change: (channel: Channel, bytes: Uint8Array) => Promise<void>, most = 1) =>
  (channel: Channel, attempt: number): Channel => {
    if (attempt > most) return channel;
    let count = 0;
    return {
      ...channel,
      send: (bytes) => (++count === nth ? change(channel, bytes) : channel.send(bytes)),
    };
  };

const cut = (channel: Channel): Promise<void> => {
  channel.close();
  return Promise.reject(new Error('cut'));
};

/** With 0 rounds a source sends: header, missing, postcopy, handover, then pages. */
const AT_ONCE = { postcopyAfterRounds: 0 } as const;

describe('a connection that breaks', () => {
  it.each([
    ['the header', 1],
    ['the list of what is missing', 2],
    ['the end of that list', 3],
  ])('with %s leaves the guest running at the source', async (_, nth) => {
    const guest = written();
    const { source, memory } = await migrate(guest, { ...AT_ONCE, bend: bentAt(nth, cut) });
    expect(source).toMatchObject({ reason: 'closed' });
    expect([guest.state, memory.isRunning()]).toEqual([whole, false]);
  });

  it.each([
    ['the handover', 4],
    ['the first pages', 5],
    ['later pages', 9],
  ])('with %s comes back, and nothing is lost', async (_, nth) => {
    const guest = written();
    const { source, destination, memory, statuses } = await migrate(guest, {
      ...AT_ONCE,
      bend: bentAt(nth, cut),
      guestThere: async (there) => void (await there.touch(298)),
    });
    expect(source).toMatchObject({ status: 'completed', confirmed: true });
    expect(destination).toMatchObject({ handedOver: true });
    expect(memory.bytes).toEqual(guest.bytes);
    expect(statuses).toContain('postcopy-paused');
    expect(guest.state).toEqual(left);
  });

  it('comes back again and again, over several connections', async () => {
    const guest = written();
    const bend = bentAt(4, cut, 3);
    const { source, memory } = await migrate(guest, { ...AT_ONCE, bend, connections: 3 });
    expect(source).toMatchObject({ status: 'completed' });
    expect(memory.bytes).toEqual(guest.bytes);
  });

  it('does so too when it stands still', async () => {
    const guest = written();
    const bend = bentAt(6, () => new Promise(() => {}));
    const { source, memory } = await migrate(guest, { ...AT_ONCE, bend, recoverS: 3 });
    expect(source).toMatchObject({ status: 'completed' });
    expect(memory.bytes).toEqual(guest.bytes);
  });

  it('does so too when a byte is changed on the way', async () => {
    const guest = written();
    const bend = bentAt(7, (channel, bytes) => {
      bytes[40] = (bytes[40] as number) ^ 1;
      return channel.send(bytes);
    });
    const { source, memory } = await migrate(guest, { ...AT_ONCE, bend });
    expect(source).toMatchObject({ status: 'completed' });
    expect(memory.bytes).toEqual(guest.bytes);
  });

  it('and does not come back, loses the guest, and both sides say so', async () => {
    const guest = written();
    const { source, destination } = await migrate(guest, {
      ...AT_ONCE,
      bend: bentAt(7, cut),
      comesBack: false,
    });
    expect([source, destination]).toMatchObject([{ reason: 'lost' }, { reason: 'lost' }]);
    // Two of it would be worse than none.
    expect(guest.state).toEqual(left);
  });

  it('before the handover has come does not let the destination run it unasked', async () => {
    const guest = written();
    const { destination, memory } = await migrate(guest, {
      ...AT_ONCE,
      bend: bentAt(4, cut),
      comesBack: false,
    });
    expect(destination).toMatchObject({ reason: 'lost' });
    expect(memory.isRunning()).toBe(false);
  });
});

describe('cancelling', () => {
  it('takes the guest back until it is handed over', async () => {
    const guest = written();
    const controller = new AbortController();
    const { source, memory } = await migrate(guest, {
      ...AT_ONCE,
      signal: controller.signal,
      bend: bentAt(3, (channel, bytes) => {
        controller.abort();
        return channel.send(bytes);
      }),
    });
    expect(source).toMatchObject({ reason: 'cancelled' });
    expect([guest.state, memory.isRunning()]).toEqual([whole, false]);
  });

  it('is heard by a destination that is at restoring the guest', async () => {
    const guest = written();
    guest.saveState = () => Uint8Array.of(1);
    const into = postcopyMemory(PAGES);
    const controller = new AbortController();
    into.loadState = async () => {
      controller.abort();
      await clock.sleep(150);
    };
    const { signal } = controller;
    const { source, destination } = await migrate(guest, { ...AT_ONCE, into, signal });
    expect([source, destination]).toMatchObject([{ reason: 'cancelled' }, { reason: 'cancelled' }]);
    expect([guest.state, into.isRunning()]).toEqual([whole, false]);
  });

  it.each(['source', 'destination'])('comes too late then, at the %s', async (side) => {
    const guest = written();
    const controller = new AbortController();
    const { signal } = controller;
    const { source, memory } = await migrate(guest, {
      ...AT_ONCE,
      ...(side === 'source' ? { signal } : { destinationSignal: signal }),
      guestThere: async () => controller.abort(),
    });
    expect(source).toMatchObject({ status: 'completed' });
    expect(memory.bytes).toEqual(guest.bytes);
  });
});
