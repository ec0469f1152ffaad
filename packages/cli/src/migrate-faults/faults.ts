// Channels that fail on purpose, at a byte that was chosen beforehand.
import type { Channel } from '@faultline/machine';

export const FAULTS = ['killed', 'stalled', 'corrupted', 'cancelled', 'version'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Plan {
  readonly fault: Fault;
  /** Bytes that the source hands over before it happens, over all connections. */
  readonly afterBytes: number;
  /** Which bit is flipped, for `corrupted`. */
  readonly bit: number;
}

const VERSION_BYTE = 8;

/** The source's channels, with the fault put in; `cancel` is called for that one. */
export function faulty(
  channels: readonly Channel[],
  plan: Plan,
  cancel: () => void,
): { readonly channels: Channel[]; readonly happened: () => boolean } {
  const due = plan.fault === 'version' ? VERSION_BYTE : plan.afterBytes;
  let sent = 0;
  let happened = false;
  let stalled = false;
  const never = new Promise<void>(() => {});
  /** Sends `bytes`, the fault at byte `at` of them. */
  const act = async (channel: Channel, bytes: Uint8Array, at: number): Promise<void> => {
    if (plan.fault === 'corrupted') return channel.send(flipped(bytes, at, plan.bit));
    if (plan.fault === 'version') return channel.send(ofNextVersion(bytes));
    if (plan.fault === 'cancelled') {
      const done = channel.send(bytes);
      cancel();
      return done;
    }
    // What comes before the byte arrives: a connection dies in the middle of a record, not between two.
    stalled = plan.fault === 'stalled';
    await channel.send(bytes.slice(0, at));
    if (stalled) return never;
    channel.close();
    return channel.send(bytes.slice(at));
  };
  const bent = channels.map(
    (channel): Channel => ({
      receive: () => channel.receive(),
      close: () => channel.close(),
      send(bytes) {
        if (stalled) return never;
        const at = due - sent;
        sent += bytes.length;
        if (happened || at < 0 || at >= bytes.length) return channel.send(bytes);
        happened = true;
        return act(channel, bytes, at);
      },
    }),
  );
  return { channels: bent, happened: () => happened };
}

/** What a later Faultline may send: in order but for its version. */
function ofNextVersion(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  view.setUint32(VERSION_BYTE, view.getUint32(VERSION_BYTE, true) + 1, true);
  view.setUint32(VERSION_BYTE + 4, ~view.getUint32(VERSION_BYTE, true), true);
  return copy;
}

/** A copy, so that the source's own buffer stays as it is. */
function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ (1 << bit);
  return copy;
}
