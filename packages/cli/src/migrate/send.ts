// faultline migrate --to: runs a guest program on worker threads and migrates it away.
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Channel,
  type Compression,
  MigrationError,
  type MigrationInfo,
  type SourceGuest,
  type SourceOptions,
  sendMigration,
  vmGuest,
} from '@faultline/machine';
import {
  type DirtyLog,
  type GuestEnd,
  type GuestName,
  type RunningGuest,
  startGuest,
} from '@faultline/runner';
import { connectAll, type Endpoint } from './endpoint.ts';
import { clock } from './node-side.ts';

export interface SendOptions
  extends Pick<
    SourceOptions,
    | 'downtimeLimitMs'
    | 'timeoutS'
    | 'timeoutStrategy'
    | 'maxBandwidth'
    | 'autoConverge'
    | 'stallMs'
    | 'memoryMode'
    | 'postcopyAfterRounds'
    | 'recoverS'
    | 'verify'
    | 'progress'
  > {
  readonly to: Endpoint;
  readonly connections: number;
  readonly guest: GuestName;
  readonly vcpus: number;
  readonly pages: number;
  readonly dirtyLog?: DirtyLog;
  /** How long the guest runs before it is migrated. */
  readonly warmUpMs: number;
  readonly compression?: Compression | undefined;
  readonly signal: AbortSignal;
}

export interface SendResult {
  readonly migration: MigrationInfo;
  /** What came of the guest here: all that it wrote is in its memory. */
  readonly guest: GuestEnd;
}

/** Rejects with a MigrationError, or with the error of a guest that was not whole. */
export async function send(options: SendOptions): Promise<SendResult> {
  const guest = await startGuest(options.guest, options);
  const channels: Channel[] = [];
  try {
    await warmUp(options);
    // Not before: a connection on which nothing comes for long is given up by the destination.
    channels.push(...(await connectAll(options.to, options.connections)));
    const migration = await sendMigration(sourceOf(guest), channels, {
      ...options,
      clock,
      session: randomInt(2 ** 32),
      reconnect: () => connectAll(options.to, options.connections),
    });
    // It has been handed over; here its threads come to their end, and its memory is held against what it wrote.
    return { migration, guest: await guest.stop() };
  } catch (error) {
    const { ok } = await guest.stop();
    if (!ok) throw new Error('expected the guest whole after a failed migration', { cause: error });
    throw error;
  } finally {
    for (const channel of channels) channel.close();
  }
}

async function warmUp({ warmUpMs, signal }: SendOptions): Promise<void> {
  await sleep(warmUpMs, undefined, { signal }).catch(() => {
    throw new MigrationError('cancelled', 'cancelled on this side');
  });
}

/** Paused between two touches, so that what it is beside its memory can be said. */
export const sourceOf = (guest: RunningGuest): SourceGuest => ({
  ...vmGuest(guest.mem, guest.machine.vm, { client: 0, throttle: guest.throttle }),
  machine: guest.name,
  saveState: guest.deviceState,
  previewState: guest.deviceState,
  pause: guest.pause,
  resume: guest.resume,
});
