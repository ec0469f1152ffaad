// What the fast path was worth in this trace: how many of the write-protection faults it repaired, and how much longer its
// repairs would have taken under mmu_lock. The second is an estimate from the trace's own slow faults, and says from which.
import type { Durations } from './durations.ts';
import type { FaultKind } from './fault-kind.ts';

/** Fewer slow faults than this are no measure. */
const ENOUGH = 20;

export interface SlowPathEstimate {
  /** What the slow path was measured by: repairs of protection, else 4K maps; undefined where nothing in the trace can say it. */
  readonly from: 'slow_write' | 'slow_remap' | 'slow_map' | undefined;
  readonly samples: number;
  /** Medians, in the unit of durations. */
  readonly slowMedian: number;
  readonly fastMedian: number;
  /** Over all faults that the fast path fixed: their number times the difference of the medians. */
  readonly added: number;
}

export interface FastShare {
  /** Faults on write protection, whoever repaired them: what the fast path is for. Not the guest's own, nor what is emulated. */
  readonly candidates: number;
  /** Of these, fixed or spurious. */
  readonly repaired: number;
  readonly estimate: SlowPathEstimate;
}

/** Faults on write protection, whoever repaired them. */
const CANDIDATES: readonly FaultKind[] = [
  'fast_fixed',
  'fast_spurious',
  'zapped_in_flight',
  'huge_logged',
  'cow',
  'read_only_slot',
  'access_tracked',
  'write_tracked',
  'fast_declined',
  'slow_write',
];

/** `part` brings durations to the report's unit. */
export function fastShare(durations: ReadonlyMap<FaultKind, KindTally>, part: number): FastShare {
  const count = (kind: FaultKind): number => durations.get(kind)?.count ?? 0;
  return {
    candidates: CANDIDATES.reduce((sum, kind) => sum + count(kind), 0),
    repaired: count('fast_fixed') + count('fast_spurious'),
    estimate: estimate(durations, part),
  };
}

export interface KindTally {
  /** All of the kind; those with a re-entry have a duration. */
  count: number;
  readonly durations: Durations;
}

/**
 * Slow repairs of a write-protected spte are the same work. A map of 4K does that work and looks up a host page that is there,
 * where a huge page was mapped before; a first map may wait for the host to make one.
 */
function estimate(durations: ReadonlyMap<FaultKind, KindTally>, part: number): SlowPathEstimate {
  const fast = durations.get('fast_fixed')?.durations;
  for (const from of ['slow_write', 'slow_remap', 'slow_map'] as const) {
    const slow = durations.get(from)?.durations;
    if (fast === undefined || slow === undefined || slow.count < ENOUGH) continue;
    const slowMedian = part * slow.quantile(0.5);
    const fastMedian = part * fast.quantile(0.5);
    const added = fast.count * Math.max(0, slowMedian - fastMedian);
    return { from, samples: slow.count, slowMedian, fastMedian, added };
  }
  return { from: undefined, samples: 0, slowMedian: 0, fastMedian: 0, added: 0 };
}
