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
  const room = size - Math.min(RESERVED_ENTRIES, size >> 1);
  const fills = (share: number, most: number): number => fillSeconds(load, at, room / share, most);
  const stalls =
    reapIntervalMs === undefined
      ? emptiedWhenFull(vcpuShares, fills, (seconds) => {
          return (cost.ms + (load.written(seconds, at) * cost.nsPerPage) / 1e6) / 1000;
        })
      : emptiedByClock(vcpuShares, fills, reapIntervalMs / 1000);
  const lost = stalls.stallShares.map((stall, vcpu) => stall * (vcpuShares[vcpu] as number));
  return { size, ...stalls, runningShare: 1 - lost.reduce((sum, part) => sum + part, 0) };
}

type Stalls = Omit<RingOutlook, 'size' | 'runningShare'>;
/** Seconds until the ring of a vCPU with this share of the writes is full; `most` where that takes longer. */
type Fills = (share: number, most: number) => number;

/** Whoever is full first empties the rings of all, while the others run: so nobody else's is ever full. */
function emptiedWhenFull(
  shares: readonly number[],
  fills: Fills,
  emptying: (seconds: number) => number,
): Stalls {
  const most = Math.max(...shares);
  const reapS = fills(most, REAP_SECONDS);
  if (reapS === REAP_SECONDS) return { ...NEVER_FULL, reapS, stallShares: shares.map(() => 0) };
  const emptyingS = emptying(reapS);
  const stall = emptyingS / (reapS + emptyingS);
  const firsts = shares.filter((share) => share === most).length;
  return {
    fillsInS: reapS,
    fullExitsPerS: 1 / (reapS + emptyingS),
    reapS,
    stallShares: shares.map((share) => (share === most ? stall / firsts : 0)),
  };
}

function emptiedByClock(shares: readonly number[], fills: Fills, reapS: number): Stalls {
  const after = new Map([...new Set(shares)].map((share) => [share, fills(share, reapS)]));
  const all = shares.map((share) => after.get(share) as number);
  const first = Math.min(...all);
  const stallShares = all.map((fill) => (reapS - fill) / reapS);
  if (first === reapS) return { ...NEVER_FULL, reapS, stallShares };
  const full = all.filter((fill) => fill < reapS).length;
  return { fillsInS: first, fullExitsPerS: full / reapS, reapS, stallShares };
}

const NEVER_FULL = { fillsInS: undefined, fullExitsPerS: 0 };

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
