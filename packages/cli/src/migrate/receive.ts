// faultline migrate --listen: takes one migration in, and says what it got.
import {
  type CancelSignal,
  type DestinationMemory,
  type Received,
  receiveMigration,
} from '@faultline/machine';
import { type Endpoint, formatEndpoint, listen } from './endpoint.ts';
import { newMemory } from './new-memory.ts';
import { clock, compressions } from './node-side.ts';
import { createSnapshotFile } from './snapshot-file.ts';

export interface ReceiveOptions {
  readonly listen: Endpoint;
  /** A file for what came. */
  readonly snapshot?: string;
  readonly stallMs: number;
  readonly signal: CancelSignal;
  /** Told where it listens. */
  readonly listening: (where: string) => void;
}

/** Resolves when a whole guest has come, and has been written where it should be. */
export async function receive(options: ReceiveOptions): Promise<Received> {
  const { snapshot } = options;
  const file = snapshot === undefined ? undefined : await createSnapshotFile(snapshot);
  try {
    const { received, memory, state } = await arrival(options);
    if (memory !== undefined) await file?.save(memory, received.shape, state);
    return received;
  } finally {
    await file?.discard();
  }
}

interface Arrival {
  readonly received: Received;
  readonly memory: DestinationMemory | undefined;
  /** What came beside the memory. */
  readonly state: Uint8Array | undefined;
}

async function arrival(options: ReceiveOptions): Promise<Arrival> {
  const listener = await listen(options.listen);
  options.listening(formatEndpoint(listener.at));
  let memory: DestinationMemory | undefined;
  let state: Uint8Array | undefined;
  const loadState = (came: Uint8Array): void => {
    state = came.slice();
  };
  try {
    const received = await receiveMigration({
      clock,
      compressions,
      stallMs: options.stallMs,
      signal: options.signal,
      accept: () => listener.accept(),
      open({ pages, pageSize }) {
        memory = { ...newMemory(pages, pageSize), loadState };
        return memory;
      },
    });
    return { received, memory, state };
  } finally {
    listener.close();
  }
}
