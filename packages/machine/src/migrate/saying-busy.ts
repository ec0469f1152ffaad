// Work in which nothing is received: the other side is told now and then that it goes on. Else both would think that the other
// stands still.
import type { Clock } from './channel.ts';
import type { Connections } from './connection.ts';

const SAY_MS = 100;

/** Resolves with `work`, or rejects as soon as a connection fails. */
export async function sayingBusy(
  work: Promise<void>,
  { clock, connections }: { readonly clock: Clock; readonly connections: Connections },
  say: () => Promise<void>,
): Promise<void> {
  let isDone = false;
  const repeat = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(SAY_MS);
      if (isDone || connections.error !== undefined) return;
      await say().catch(() => {});
    }
  };
  void repeat();
  try {
    await connections.orFailure(work);
  } finally {
    isDone = true;
  }
}
