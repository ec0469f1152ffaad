// A post-copy whose connection broke: the guest is here, or may be, so its source is waited for. It comes back, or it is too late.
import type { Clock } from './channel.ts';
import type { Connections } from './connection.ts';
import { type FailureReason, MigrationError } from './failure.ts';

/** The destination, as far as its recovery needs it. */
export interface Recovering {
  /** Pages that have come. */
  arrived(): number;
  /** With whether the source has handed the guest over. */
  readonly finished: Promise<boolean>;
  /** New connections in place of those that broke, none of them there yet. */
  startAnew(): Connections;
  /** Until all of them are there. */
  accept(): Promise<void>;
  /** Tells the source what is missing. */
  resume(): Promise<void>;
}

interface Patience {
  readonly clock: Clock;
  /** How long the source may take. */
  readonly recoverS?: number;
}

const DEFAULT_RECOVER_S = 30;
/** How often it is looked whether it is too late. */
const LOOK_MS = 100;
/** After these nobody comes back: the source has the guest, or this side cannot go on. */
const FINAL: readonly FailureReason[] = ['refused', 'cancelled', 'lost'];

/** Waits for the source to come back, again and again until all is here. Whatever it says of itself ends that. */
export async function recover(
  side: Recovering,
  failure: unknown,
  { clock, recoverS = DEFAULT_RECOVER_S }: Patience,
): Promise<boolean> {
  let brokenAt = clock.now();
  for (let error = failure; ; await clock.sleep(LOOK_MS)) {
    if (!(error instanceof MigrationError) || FINAL.includes(error.reason)) throw error;
    const connections = side.startAnew();
    try {
      const stop = failAt(brokenAt + recoverS * 1000, error, { clock, connections });
      await side.accept();
      stop();
      await side.resume();
      // Broken anew, it has as long again: but a connection that brought nothing was none.
      const before = side.arrived();
      const handedOver = connections.orFailure(side.finished);
      await handedOver.catch(() => {});
      if (side.arrived() > before) brokenAt = clock.now();
      return await handedOver;
    } catch (again) {
      error = connections.error ?? again;
    }
  }
}

/** Fails the connections at that time by the clock, unless what it returns was called before. */
function failAt(
  until: number,
  failure: MigrationError,
  { clock, connections }: { readonly clock: Clock; readonly connections: Connections },
): () => void {
  let isStopped = false;
  const watch = async (): Promise<void> => {
    while (clock.now() < until) {
      await clock.sleep(LOOK_MS);
      if (isStopped || connections.error !== undefined) return;
    }
    const message = `expected the source to come back in time, got: ${failure.message}`;
    connections.fail(new MigrationError('lost', message, { cause: failure }));
  };
  void watch();
  return () => {
    isStopped = true;
  };
}
