// `faultline migrate` and `faultline snapshot` as a user meets them. Both sides live in this process, over real sockets.
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { endpoint } from '../src/migrate/endpoint.ts';
import { compressionNamed } from '../src/migrate/node-side.ts';
import { type ReceiveOptions, receive } from '../src/migrate/receive.ts';
import { type SendOptions, send } from '../src/migrate/send.ts';
import { faultline, scratch } from './command.ts';

const files = scratch();
const timeout = 30_000;
afterEach(() => vi.restoreAllMocks());

describe('a place', () => {
  it.each([
    ['localhost:4444', { host: 'localhost', port: 4444 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['unix:/run/vm.sock', { path: '/run/vm.sock' }],
  ])('is a host with a port, or a socket: %s', (text, where) => {
    expect(endpoint(text)).toEqual(where);
  });

  it.each(['', '4444', 'host:', ':1', 'host:70000', 'unix:'])('is not %j', (text) => {
    expect(() => endpoint(text)).toThrow(InvalidArgumentError);
  });
});

describe('words that make no migration', () => {
  it.each([
    [[], 'expected --listen or --to, got none'],
    [['--listen', 'unix:a', '--to', 'unix:b'], 'expected --listen or --to, got both'],
    [['--to', 'unix:b', '--snapshot', 'c'], 'expected --snapshot with --listen, got it with --to'],
    [['--to', '7'], "--to: expected HOST:PORT or unix:PATH, got '7'"],
    [
      ['--to', 'unix:b', '--compress', 'lzo'],
      "--compress: expected one of deflate-raw, gzip, zstd, got 'lzo'",
    ],
  ])('are refused: %j', async (words, message) => {
    const { code, err } = await faultline('migrate', ...words);
    expect([code, err]).toEqual([2, `faultline: ${message}\n`]);
  });

  it('name a place where nobody listens', async () => {
    const { code, err } = await faultline('migrate', '--to', `unix:${files.path}/none`);
    expect(code).toBe(3);
    expect(err).toContain(`expected a listener at unix:${files.path}/none, got no such socket`);
  });

  it('name a socket that is there already', async () => {
    const file = files.put('taken', '');
    const { code, err } = await faultline('migrate', '--listen', `unix:${file}`);
    expect([code, err]).toEqual([
      3,
      `faultline: expected a path for a new socket, got one that exists: ${file}\n`,
    ]);
  });
});

/** A guest from one side to the other, both in this process. */
async function migrated(
  where: string,
  sending: Partial<SendOptions> = {},
  receiving: Partial<ReceiveOptions> = {},
) {
  const { signal } = new AbortController();
  let leave: (at: string) => void = () => {};
  const listening = new Promise<string>((resolve) => {
    leave = resolve;
  });
  const arriving = receive({
    listen: endpoint(where),
    runS: 0.2,
    stallMs: 10_000,
    signal,
    listening: leave,
    ...receiving,
  });
  const to = endpoint(await listening);
  const small = { guest: 'zipf', vcpus: 2, pages: 256, warmUpMs: 20, connections: 1 } as const;
  const [source, destination] = await Promise.all([
    send({ ...small, to, signal, ...sending }),
    arriving,
  ]);
  return { source, destination };
}

const wholeHere = { ok: true, lostWrites: [], wrongWords: 0 };

describe('a guest that runs', { timeout }, () => {
  it.each([
    ['127.0.0.1:0', 1],
    [`unix:${files.path}/socket`, 3],
  ])('comes to %s whole, over %i connections', async (where, connections) => {
    const { source, destination } = await migrated(where, { connections });
    expect(source.guest).toMatchObject(wholeHere);
    expect(source.migration).toMatchObject({ status: 'completed', confirmed: true });
    const { digest } = source.migration;
    expect(destination.received).toMatchObject({ handedOver: true, digest });
  });

  it.each(['sequential', 'random', 'zipf', 'framebuffer', 'key-value', 'ksm'] as const)(
    'goes on there as if nothing had happened: %s',
    async (guest) => {
      const { destination } = await migrated(`unix:${files.path}/${guest}`, { guest });
      expect(destination.guest).toMatchObject(wholeHere);
      expect(destination.guest?.touches).toBeGreaterThan(0);
    },
  );

  it('that depends on its VMM stays where it is', async () => {
    const { code, err } = await faultline('migrate', '--to', 'unix:nobody', '--guest', 'plug');
    expect(code).toBe(2);
    expect(err).toContain("expected a guest that can leave, got 'plug': what it stored depends on");
  });

  it.each(['manual', 'initially-set', 'ring'] as const)(
    'may have another log: %s',
    async (dirtyLog) => {
      const options = { dirtyLog, guest: 'random', pages: 512 } as const;
      const { source, destination } = await migrated(`unix:${files.path}/${dirtyLog}`, options);
      expect(source.migration).toMatchObject({ status: 'completed', digest: expect.any(Number) });
      expect(destination.guest).toMatchObject(wholeHere);
    },
  );

  it.each(['deflate-raw', 'zstd'] as const)('may be compressed: %s', async (name) => {
    const compression = compressionNamed(name);
    const { source } = await migrated(`unix:${files.path}/${name}`, { compression });
    const { transferred, normal } = source.migration.ram;
    expect(transferred).toBeLessThan(normal * 4096);
  });

  it('is in a file afterwards that says what it holds, and runs then', async () => {
    const snapshot = `${files.path}/snapshot`;
    const { destination } = await migrated(`unix:${files.path}/again`, {}, { snapshot });
    const { code, out } = await faultline('snapshot', 'info', '--json', snapshot);
    const { shape, digest } = destination.received;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ schema: 'faultline/snapshot', shape, digest });
    expect(destination.guest).toMatchObject(wholeHere);
  });

  it('is taken in as memory alone where it shall not run', async () => {
    const { destination } = await migrated(`unix:${files.path}/memory`, {}, { runS: 0 });
    expect(destination).toMatchObject({ received: { handedOver: true }, guest: undefined });
  });
});

describe('a guest that runs before its memory is there', { timeout }, () => {
  const postcopy = { memoryMode: 'postcopy', downtimeLimitMs: 0, pages: 2048 } as const;

  it.each([
    ['random', 0, 1],
    ['random', 1, 1],
    ['key-value', 0, 3],
    ['framebuffer', 0, 2],
    ['ksm', 1, 2],
  ] as const)(
    'loses no word: %s, after %i rounds, over %i connections',
    async (guest, postcopyAfterRounds, connections) => {
      const { source, destination } = await migrated(
        `unix:${files.path}/post-${guest}-${postcopyAfterRounds}`,
        { ...postcopy, guest, postcopyAfterRounds, connections },
      );
      expect(source).toMatchObject({ migration: { status: 'completed' }, guest: wholeHere });
      expect(destination.guest).toMatchObject(wholeHere);
      expect(destination.guest?.touches).toBeGreaterThan(0);
    },
  );

  it('waits for pages, and says how many', async () => {
    const { source, destination } = await migrated(`unix:${files.path}/waits`, {
      ...postcopy,
      guest: 'random',
      postcopyAfterRounds: 0,
      maxBandwidth: 20e6,
    });
    const requests = source.migration.ram['postcopy-requests'];
    expect(requests).toBeGreaterThan(0);
    expect(destination.received.requests).toBe(requests);
  });

  it('is refused where it shall be in a file first, and runs on', async () => {
    const path = `${files.path}/first`;
    const snapshot = `${files.path}/before`;
    await expect(migrated(`unix:${path}`, postcopy, { snapshot })).rejects.toMatchObject({
      reason: 'refused',
      message: expect.stringContaining('got one that may go on by post-copy') as string,
    });
    expect(existsSync(snapshot)).toBe(false);
  });
});

describe('a file that is no snapshot', () => {
  it.each([
    ['foreign', 'GIF89a and so on, for a while', 'byte 0: expected a migration stream'],
    ['empty', '', 'byte 0: expected 16 more bytes of a preamble, got the end'],
  ])('is refused with the reason: %s', async (name, data, message) => {
    const { code, err } = await faultline('snapshot', 'info', files.put(name, data));
    expect(code).toBe(3);
    expect(err).toContain(message);
  });

  it('may be missing', async () => {
    const { code, err } = await faultline('snapshot', 'info', `${files.path}/missing`);
    expect([code, err]).toEqual([
      3,
      `faultline: ${files.path}/missing: expected a readable file, got no such file\n`,
    ]);
  });
});

describe('a destination that is met by nonsense', () => {
  it('refuses it, and leaves no file and no socket behind', async () => {
    const path = `${files.path}/nonsense`;
    const snapshot = `${files.path}/never`;
    const { signal } = new AbortController();
    const refused = receive({
      listen: { path },
      snapshot,
      runS: 1,
      stallMs: 5000,
      signal,
      listening: () => connect(path).end('GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n'),
    });
    await expect(refused).rejects.toMatchObject({ reason: 'damaged' });
    expect([existsSync(snapshot), existsSync(path)]).toEqual([false, false]);
  });
});

describe('a snapshot that cannot be written', () => {
  it.each([
    [
      'a directory that is not there',
      'no/where',
      'expected a file that can be written, got no such folder',
    ],
    ['a directory', '.', 'expected a file, or nothing yet, got something else'],
  ])('is refused before anybody is listened to: %s', async (_, name, message) => {
    const socket = `${files.path}/unwritable`;
    const words = ['--listen', `unix:${socket}`, '--snapshot', `${files.path}/${name}`];
    const { code, err } = await faultline('migrate', ...words);
    expect(code).toBe(3);
    expect(err).toContain(message);
    expect(existsSync(socket)).toBe(false);
  });
});

describe('a guest that warms up for long', { timeout }, () => {
  const options = { guest: 'zipf', vcpus: 1, pages: 64, connections: 1 } as const;

  it('does not keep a destination waiting on an open connection', async () => {
    const path = `${files.path}/warm`;
    const { signal } = new AbortController();
    let listening = (_: string): void => {};
    const ready = new Promise<string>((resolve) => {
      listening = resolve;
    });
    const arriving = receive({ listen: { path }, runS: 0, stallMs: 300, signal, listening });
    await ready;
    await send({ ...options, to: { path }, warmUpMs: 900, signal });
    expect(await arriving).toMatchObject({ received: { handedOver: true } });
  });

  it('is given up at once', async () => {
    const signal = AbortSignal.timeout(50);
    const never = send({ ...options, to: { path: 'nobody' }, warmUpMs: 600_000, signal });
    await expect(never).rejects.toMatchObject({ reason: 'cancelled' });
  });
});

describe('the documents', () => {
  it('have a row for every record of the stream', async () => {
    const { KINDS } = await import('../../machine/src/migrate/stream.ts');
    const text = readFileSync(new URL('../../../docs/migration.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, code, kind]) => [
      kind,
      code,
    ]);
    expect(rows).toEqual(Object.entries(KINDS).map(([kind, { code }]) => [kind, String(code)]));
  });
});
