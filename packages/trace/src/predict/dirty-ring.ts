// A ring per vCPU: its pages are protected again each time that it is emptied, and fault again; and a vCPU whose ring is full
// stands still until that happens.
import type { DirtyLoad } from './dirty-load.ts';
import type { RoundCost } from './round-cost.ts';

export interface RingParameters {
  /** Entries of a vCPU. */
  readonly size: number;
  /**
   * Milliseconds. The rings are emptied so often, and a vCPU with a full one waits for it. Undefined, as in QEMU: they are emptied
   * every second, and at once by the vCPU whose own is full.
   */
  readonly reapIntervalMs?: number | undefined;
  /** What part of the writes each vCPU has; all together 1. */
  readonly vcpuShares: readonly number[];
}

/** What the rings of one size do to a guest. */
export interface RingOutlook {
  readonly size: number;
  /** Until that of the vCPU that writes most is full, by itself. Seconds; undefined: it is emptied before. */
  readonly fillsInS: number | undefined;
  readonly fullExitsPerS: number;
  /** From one emptying to the next. */
  readonly reapS: number;
  /** For each vCPU, the share of its time in which it stands still with a full ring: 0 to 1. */
  readonly stallShares: readonly number[];
  /** What is left of the guest's writes: 0 to 1. */
  readonly runningShare: number;
}

/** Entries that a ring keeps for what a vCPU may still write on its way out; 512 more where hardware logs by PML. */
const RESERVED_ENTRIES = 64;
/** QEMU's reaper. */
const REAP_SECONDS = 1;
const HALVINGS = 20;

/** `at` as for DirtyLoad. */
export function ringOutlook(
  load: DirtyLoad,
  at: number,
  parameters: RingParameters,
  cost: RoundCost,
): RingOutlook {
  const { size, reapIntervalMs, vcpuShares } = parameters;
  const interval = reapIntervalMs === undefined ? REAP_SECONDS : reapIntervalMs / 1000;
  const room = size - Math.min(RESERVED_ENTRIES, size >> 1);
  const fills = vcpuShares.map((share) => fillSeconds(load, at, room / share, interval));
  const fullAfter = Math.min(...fills);
  const isFull = fullAfter < interval;
  const emptyingS = (cost.ms + (load.written(fullAfter, at) * cost.nsPerPage) / 1e6) / 1000;
  const waits = reapIntervalMs !== undefined;
  const stallShares = fills.map((fill) => {
    if (fill >= interval) return 0;
    if (waits) return (interval - fill) / interval;
    // Whoever is full first empties the rings of all, while the others run.
    const firsts = fills.filter((other) => other === fullAfter).length;
    return fill > fullAfter ? 0 : emptyingS / (fullAfter + emptyingS) / firsts;
  });
  const full = fills.filter((fill) => fill < interval).length;
  return {
    size,
    fillsInS: isFull ? fullAfter : undefined,
    fullExitsPerS: waits ? full / interval : isFull ? 1 / (fullAfter + emptyingS) : 0,
    reapS: waits ? interval : fullAfter,
    stallShares,
    runningShare:
      1 - stallShares.reduce((sum, stall, vcpu) => sum + stall * (vcpuShares[vcpu] as number), 0),
  };
}

/** Until the guest has written `pages`; `most` where that takes longer. */
function fillSeconds(load: DirtyLoad, at: number, pages: number, most: number): number {
  if (load.written(most, at) <= pages) return most;
  let from = 0;
  let to = most;
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (from + to) / 2;
    if (load.written(middle, at) < pages) from = middle;
    else to = middle;
  }
  return to;
}
