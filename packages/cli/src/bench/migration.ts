// How fast random pages migrate, against a plain copy of as many bytes over a socket of the same kind. The receiver is a
// thread of its own; both sides take turns, so that what else the machine does hits both alike.
import { randomFillSync, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { connectThread } from '@faultline/atomics';
import { type SourceGuest, sendMigration, vmGuest, vmMemory } from '@faultline/machine';
import { createMemslot, type Gfn, type Hvn, PAGE_SIZE } from '@faultline/mmu';
import { createMachine } from '@faultline/runner';
import { connectAll } from '../migrate/endpoint.ts';
import { clock } from '../migrate/node-side.ts';
import type { ReceiverJob } from '../migration-worker.ts';

const workerFile = new URL('../migration-worker.js', import.meta.url);
const PAGES = 65_536;
const BYTES: number = PAGES * PAGE_SIZE;
/** What a plain copy hands over at once: the best of 64 KiB to 4 MiB. */
const PLAIN_WRITE = 1 << 18;

export interface Throughput {
  /** Of each turn, GB a second. */
  readonly plain: readonly number[];
  readonly migration: readonly number[];
  /** Migration to plain copy, of each turn. */
  readonly ratios: readonly number[];
  /** The same of the processor's time, of both ends together: what other processes do is not in it. */
  readonly cpuRatios: readonly number[];
}

/** The first turn of each warms up and does not count. */
export async function timeMigration(turns: number): Promise<Throughput> {
  const guest = randomGuest();
  const result = { plain: [], migration: [], ratios: [], cpuRatios: [] } as Lists;
  for (let turn = 0; turn <= turns; turn++) {
    const plain = await timed('plain', plainCopy);
    const migration = await timed('migration', (path) => migrate(guest, path));
    if (turn === 0) continue;
    result.plain.push(BYTES / 1e6 / plain.ms);
    result.migration.push(BYTES / 1e6 / migration.ms);
    result.ratios.push(plain.ms / migration.ms);
    result.cpuRatios.push(plain.cpuMs / migration.cpuMs);
  }
  return result;
}

type Lists = { [Name in keyof Throughput]: number[] };

/** A VM that nobody runs, every page of it random. */
function randomGuest(): SourceGuest {
  const machine = createMachine({ vcpus: 1, hostPages: PAGES });
  const mem = connectThread(machine.memory, 1);
  const slot = { id: 0, baseGfn: 0x10000 as Gfn, npages: PAGES, hvn: 0 as Hvn, flags: 0 };
  createMemslot(mem, machine.vm, slot);
  const memory = vmMemory(mem, machine.vm);
  const page = Buffer.alloc(PAGE_SIZE);
  for (let hvn = 0; hvn < PAGES; hvn++) memory.writePage(hvn, randomFillSync(page));
  return vmGuest(mem, machine.vm, { client: 0 });
}

interface Took {
  readonly ms: number;
  /** Of all threads of this process. */
  readonly cpuMs: number;
}

/** What `send` takes, with a receiver at the other end. */
async function timed(
  kind: ReceiverJob['kind'],
  send: (path: string) => Promise<void>,
): Promise<Took> {
  const directory = mkdtempSync(join(tmpdir(), 'faultline-'));
  const path = join(directory, 'socket');
  const worker = new Worker(workerFile, {
    workerData: { kind, path, bytes: BYTES } satisfies ReceiverJob,
  });
  try {
    await once(worker, 'message');
    const [from, cpuFrom] = [performance.now(), process.cpuUsage()];
    await send(path);
    const { user, system } = process.cpuUsage(cpuFrom);
    return { ms: performance.now() - from, cpuMs: (user + system) / 1000 };
  } finally {
    await worker.terminate();
    rmSync(directory, { recursive: true });
  }
}

/** Until the receiver says with one byte that it has everything. */
async function plainCopy(path: string): Promise<void> {
  const bytes = privateBytes();
  const socket = connect(path);
  const done = once(socket, 'data');
  for (let at = 0; at < bytes.length; at += PLAIN_WRITE) {
    await new Promise((resolve) => {
      socket.write(bytes.subarray(at, at + PLAIN_WRITE), resolve);
    });
  }
  await done;
  socket.destroy();
}

let kept: Buffer | undefined;

/** Made once, before anybody looks at a clock. */
function privateBytes(): Buffer {
  kept ??= randomFillSync(Buffer.alloc(BYTES));
  return kept;
}

async function migrate(guest: SourceGuest, path: string): Promise<void> {
  const channels = await connectAll({ path }, 1);
  const session = randomInt(2 ** 32);
  await sendMigration(guest, channels, { clock, session, verify: false });
  guest.resume();
}
