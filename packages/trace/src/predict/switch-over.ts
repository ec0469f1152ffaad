// When a VMM looks whether what is left fits in the downtime.
//
//   pending    QEMU: while it sends. As soon as the rest of a round would fit, it harvests at once; what it has not sent yet
//              stays dirty. It looks once in each slot of its bandwidth limit (migration_iteration_run, BUFFER_DELAY).
//   round-end  cloud-hypervisor, and our own machine: when a round has been sent whole.

export const SWITCH_OVERS = ['pending', 'round-end'] as const;
export type SwitchOver = (typeof SWITCH_OVERS)[number];

const SLOT_SECONDS = 0.1;

/** Seconds of a round that are sent before the VMM harvests, of `seconds` that it would take whole; one slot at least. */
export function sentBeforeLook(switchOver: SwitchOver, seconds: number, limitS: number): number {
  if (switchOver === 'round-end') return seconds;
  const slots = Math.max(1, Math.ceil((seconds - limitS) / SLOT_SECONDS));
  return Math.min(seconds, slots * SLOT_SECONDS);
}
