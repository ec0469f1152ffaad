// The receiving end of the migration benchmark: copies what comes into memory of its own, plainly or as a migration.
import { createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { plainMemory, receiveMigration } from '@faultline/machine';
import { listen } from './migrate/endpoint.ts';
import { clock } from './migrate/node-side.ts';

export interface ReceiverJob {
  readonly kind: 'plain' | 'migration';
  /** Where to listen. */
  readonly path: string;
  readonly bytes: number;
}

const { kind, path, bytes } = workerData as ReceiverJob;
const memory = new Uint8Array(bytes);
memory.fill(1); // so that no page is touched for the first time under the clock
memory.fill(0);

if (kind === 'plain') {
  createServer(copy).listen(path, () => parentPort?.postMessage('listening'));
} else {
  const listener = await listen({ path });
  parentPort?.postMessage('listening');
  const accept = () => listener.accept();
  await receiveMigration({ clock, accept, open: () => plainMemory(memory) });
}

async function copy(socket: Socket): Promise<void> {
  let at = 0;
  for await (const chunk of socket as AsyncIterable<Uint8Array>) {
    memory.set(chunk, at);
    at += chunk.length;
    if (at === bytes) socket.write('.');
  }
}
