// faultline migrate --listen: takes one migration in, and says what it got.
import {
  type CancelSignal,
  type DestinationMemory,
  plainMemory,
  type Received,
  receiveMigration,
} from '@faultline/machine';
import { type Endpoint, formatEndpoint, listen } from './endpoint.ts';
import { checksum, clock, compressions } from './node-side.ts';
import { saveSnapshot } from './snapshot-file.ts';

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
  const listener = await listen(options.listen);
  options.listening(formatEndpoint(listener.at));
  let memory: DestinationMemory | undefined;
  try {
    const received = await receiveMigration({
      checksum,
      clock,
      compressions,
      stallMs: options.stallMs,
      signal: options.signal,
      accept: () => listener.accept(),
      open({ pages, pageSize }) {
        memory = plainMemory(new Uint8Array(pages * pageSize), pageSize);
        return memory;
      },
    });
    if (options.snapshot !== undefined && memory !== undefined) {
      await saveSnapshot(options.snapshot, memory, received.shape);
    }
    return received;
  } finally {
    listener.close();
  }
}
