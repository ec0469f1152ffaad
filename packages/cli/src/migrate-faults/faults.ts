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
  let sent = 0;
  let happened = false;
  let stalled = false;
  const act = (bytes: Uint8Array, at: number, channel: Channel): Uint8Array => {
    happened = true;
    if (plan.fault === 'killed') channel.close();
    else if (plan.fault === 'cancelled') cancel();
    else if (plan.fault === 'stalled') stalled = true;
    else return flipped(bytes, at, plan.bit);
    return bytes;
  };
  const bent = channels.map(
    (channel): Channel => ({
      receive: () => channel.receive(),
      close: () => channel.close(),
      async send(bytes) {
        const at = (plan.fault === 'version' ? VERSION_BYTE : plan.afterBytes) - sent;
        sent += bytes.length;
        const due = !happened && at >= 0 && at < bytes.length;
        if (!due) return stalled ? new Promise(() => {}) : channel.send(bytes);
        // What comes before the byte arrives; a connection dies in the middle of a record, not between two.
        if (plan.fault !== 'corrupted' && plan.fault !== 'version') {
          await channel.send(bytes.slice(0, at));
        }
        const changed = act(bytes, at, channel);
        return stalled
          ? new Promise(() => {})
          : channel.send(plan.fault === 'cancelled' ? bytes.subarray(at) : changed);
      },
    }),
  );
  return { channels: bent, happened: () => happened };
}

/** A copy, so that the source's own buffer stays as it is. */
function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ (1 << bit);
  return copy;
}
