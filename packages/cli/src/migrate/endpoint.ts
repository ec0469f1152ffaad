// HOST:PORT or unix:PATH, and what listens or connects there.
import { existsSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Channel } from '@faultline/machine';
import { InvalidArgumentError } from 'commander';
import { InputError } from '../exit.ts';
import { socketChannel } from './socket-channel.ts';

export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

const MOST_PORT = 65_535;

/** Parses an option. `[::1]:4444` is an IPv6 address with a port. */
export function endpoint(text: string): Endpoint {
  if (text.startsWith('unix:') && text.length > 5) return { path: text.slice(5) };
  const [, host, digits] = /^(.+):(\d+)$/.exec(text) ?? [];
  const port = Number(digits);
  if (host !== undefined && port <= MOST_PORT) {
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port };
  }
  throw new InvalidArgumentError('expected HOST:PORT or unix:PATH.');
}

export const formatEndpoint = (where: Endpoint): string =>
  'path' in where ? `unix:${where.path}` : `${where.host}:${where.port}`;

export interface Listener {
  /** Where it listens: the port that was given for port 0. */
  readonly at: Endpoint;
  /** The next connection. */
  accept(): Promise<Channel>;
  /** Ends what was accepted too. */
  close(): void;
}

/** Connections queue up until they are accepted. */
export async function listen(where: Endpoint): Promise<Listener> {
  const arrived: Socket[] = [];
  const all = new Set<Socket>();
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer((socket) => {
    all.add(socket.on('close', () => all.delete(socket)));
    const next = waiting.shift();
    if (next === undefined) arrived.push(socket);
    else next(socket);
  });
  await started(server, where);
  const bound = server.address();
  return {
    at:
      bound !== null && typeof bound === 'object' && 'host' in where
        ? { ...where, port: bound.port }
        : where,
    async accept() {
      const socket = arrived.shift() ?? (await new Promise<Socket>((take) => waiting.push(take)));
      return socketChannel(socket);
    },
    close() {
      server.close();
      // Also those that went to somebody who did not wait for them any more.
      for (const socket of all) socket.destroy();
    },
  };
}

function started(server: Server, where: Endpoint): Promise<void> {
  if ('path' in where && existsSync(where.path)) {
    throw new InputError(`expected a path for a new socket, got one that exists: ${where.path}`);
  }
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(
        new InputError(`expected to listen on ${formatEndpoint(where)}, got ${whyNoSocket(error)}`),
      );
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      if ('path' in where)
        server.on('close', () => existsSync(where.path) && unlinkSync(where.path));
      resolve();
    });
  });
}

/** `count` connections to the same place. */
export async function connectAll(where: Endpoint, count: number): Promise<Channel[]> {
  const tried = await Promise.allSettled(Array.from({ length: count }, () => connectTo(where)));
  const channels = tried.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const failed = tried.find((one) => one.status === 'rejected');
  if (failed === undefined) return channels;
  for (const channel of channels) channel.close(); // an open one would keep the process alive
  throw failed.reason;
}

/** In words, of an error of Node's. */
function whyNoSocket({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'no such socket';
  if (code === 'ECONNREFUSED') return 'nobody who listens';
  if (code === 'ENOTFOUND') return 'no such host';
  if (code === 'EADDRINUSE') return 'an address that is taken';
  if (code === 'EACCES') return 'no permission';
  return message || `${code}`;
}

function connectTo(where: Endpoint): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = connect('path' in where ? where : { ...where, noDelay: true });
    socket.once('error', (error) => {
      const got = whyNoSocket(error);
      reject(new InputError(`expected a listener at ${formatEndpoint(where)}, got ${got}`));
    });
    socket.once('connect', () => resolve(socketChannel(socket)));
  });
}
