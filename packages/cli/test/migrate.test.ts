// `faultline migrate` and `faultline snapshot` as a user meets them. Both sides live in this process, over real sockets.
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { endpoint } from '../src/migrate/endpoint.ts';
import { receive } from '../src/migrate/receive.ts';
import { send } from '../src/migrate/send.ts';
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
    expect(err).toContain(`expected a listener at unix:${files.path}/none, got: `);
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

describe('a guest that runs', { timeout }, () => {
  const small = { guest: 'zipf', vcpus: 2, pages: 256, warmUpMs: 20 } as const;
  const migrated = async (where: string, connections: number) => {
    const { signal } = new AbortController();
    const snapshot = `${files.path}/snapshot-${connections}`;
    let leave: (at: string) => void = () => {};
    const listening = new Promise<string>((resolve) => {
      leave = resolve;
    });
    const options = { listen: endpoint(where), snapshot, stallMs: 10_000, signal };
    const arriving = receive({ ...options, listening: leave });
    const to = endpoint(await listening);
    const source = await send({ ...small, to, connections, signal });
    return { source, destination: await arriving, snapshot };
  };

  it.each([
    ['127.0.0.1:0', 1],
    [`unix:${files.path}/socket`, 3],
  ])('comes to %s whole, over %i connections', async (where, connections) => {
    const { source, destination } = await migrated(where, connections);
    expect(source.guest).toMatchObject({ ok: true, lostWrites: [] });
    expect(source.migration).toMatchObject({ status: 'completed', confirmed: true });
    expect(destination).toMatchObject({ handedOver: true, digest: source.migration.digest });
  });

  it('is in a file afterwards that says what it holds', async () => {
    const { destination, snapshot } = await migrated(`unix:${files.path}/again`, 2);
    const { code, out } = await faultline('snapshot', 'info', '--json', snapshot);
    const { shape, digest } = destination;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ schema: 'faultline/snapshot', shape, digest });
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
      `faultline: ${files.path}/missing: expected a readable file, got ENOENT\n`,
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
      'expected a file that can be written, got ENOENT',
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
    const arriving = receive({ listen: { path }, stallMs: 300, signal, listening });
    await ready;
    await send({ ...options, to: { path }, warmUpMs: 900, signal });
    expect(await arriving).toMatchObject({ handedOver: true });
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
