// faultline migrate --listen: takes one migration in, runs the guest that came, and says what it got.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertSameShape,
  type DestinationMemory,
  type DestinationOptions,
  type Received,
  receiveMigration,
  type Shape,
  shapeOfVm,
  vmMemory,
} from '@faultline/machine';
import { type ArrivingMachine, type GuestEnd, parseMachine, receiveGuest } from '@faultline/runner';
import { type Endpoint, formatEndpoint, listen } from './endpoint.ts';
import { newMemory } from './new-memory.ts';
import { clock, compressions } from './node-side.ts';
import { createSnapshotFile } from './snapshot-file.ts';

export interface ReceiveOptions extends Pick<DestinationOptions, 'recoverS' | 'progress'> {
  readonly listen: Endpoint;
  /** A file for what came, before it runs here. Then no post-copy is taken. */
  readonly snapshot?: string;
  /** How long the guest runs here; 0: it does not, and its memory alone is taken in. */
  readonly runS: number;
  readonly stallMs: number;
  readonly signal: AbortSignal;
  /** Told where it listens. */
  readonly listening: (where: string) => void;
}

export interface ReceiveResult {
  readonly received: Received;
  /** What came of the guest that ran here; undefined where none did. */
  readonly guest: GuestEnd | undefined;
}

/** Resolves when a whole guest has come, has been written where it should be, and has run. */
export async function receive(options: ReceiveOptions): Promise<ReceiveResult> {
  const { snapshot } = options;
  const file = snapshot === undefined ? undefined : await createSnapshotFile(snapshot);
  const arrival = new Arrival(options);
  try {
    const received = await arrival.take();
    if (arrival.memory !== undefined)
      await file?.save(arrival.memory, received.shape, arrival.state);
    return { received, guest: await arrival.run(received) };
  } catch (error) {
    await arrival.guest?.abandon();
    throw error;
  } finally {
    await file?.discard();
  }
}

class Arrival {
  memory: DestinationMemory | undefined;
  guest: ArrivingMachine | undefined;
  /** What came beside the memory. */
  state: Uint8Array | undefined;
  readonly #options: ReceiveOptions;

  constructor(options: ReceiveOptions) {
    this.#options = options;
  }

  async take(): Promise<Received> {
    const { stallMs, signal, recoverS, progress } = this.#options;
    const listener = await listen(this.#options.listen);
    this.#options.listening(formatEndpoint(listener.at));
    try {
      return await receiveMigration({
        clock,
        compressions,
        stallMs,
        signal,
        ...(recoverS === undefined ? {} : { recoverS }),
        ...(progress === undefined ? {} : { progress }),
        accept: () => listener.accept(),
        open: (shape, machine) => {
          const memory = this.#open(shape, machine);
          this.memory = memory;
          return { ...memory, loadState: (state) => this.#load(memory, state) };
        },
      });
    } finally {
      listener.close();
    }
  }

  #load(memory: DestinationMemory, state: Uint8Array): void | Promise<void> {
    this.state = state.slice(); // the record's bytes are overwritten by the next
    return memory.loadState?.(this.state);
  }

  #open(shape: Shape, name: string): DestinationMemory {
    const known = this.#options.runS > 0 ? parseMachine(name) : undefined;
    if (known === undefined) return newMemory(shape.pages, shape.pageSize);
    this.guest = receiveGuest(known, shape.pages);
    const { mem, machine, ...arriving } = this.guest;
    assertSameShape(shapeOfVm(mem, machine.vm), shape);
    // What is in a file has to stand still.
    const { run, ...rest } = arriving;
    return vmMemory(mem, machine.vm, this.#options.snapshot === undefined ? arriving : rest);
  }

  /** For as long as it should; one that came by post-copy runs already. */
  async run({ handedOver, requests }: Received): Promise<GuestEnd | undefined> {
    const { guest } = this;
    if (guest === undefined) return undefined;
    if (!handedOver) {
      await guest.abandon();
      return undefined;
    }
    if (requests === undefined) guest.run();
    const { runS, signal } = this.#options;
    await sleep(runS * 1000, undefined, { signal }).catch(() => {});
    return guest.stop();
  }
}
