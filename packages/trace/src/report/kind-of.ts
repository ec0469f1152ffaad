// Which kind a fault is of. What the fast path found comes first: it says why the slow path was needed, whatever that did then.
import type { Look } from './fault.ts';
import type { FaultKind } from './fault-kind.ts';
import { Seen } from './seen.ts';

export interface Outcome {
  /** Bits of `Seen`. */
  readonly seen: number;
  readonly look: Look | undefined;
  readonly isPresent: boolean;
  readonly isFetch: boolean;
  readonly isReserved: boolean;
  /** A huge page around this gfn was dropped because its slot is logged. */
  readonly wasHuge: boolean;
  readonly hasEnded: boolean;
}

export function kindOf(outcome: Outcome): FaultKind {
  const { seen } = outcome;
  if (outcome.isReserved || (seen & (Seen.MarkMmio | Seen.MmioSpte)) !== 0)
    return mmioKind(outcome);
  if ((seen & Seen.Fixed) !== 0) return 'fast_fixed';
  if ((seen & Seen.Spurious) !== 0) return 'fast_spurious';
  return declinedKind(outcome) ?? slowKind(outcome);
}

function mmioKind({ seen, hasEnded }: Outcome): FaultKind {
  if ((seen & Seen.Eventfd) !== 0) return 'mmio_eventfd';
  if ((seen & Seen.StaleMmio) !== 0) return 'mmio_stale';
  if ((seen & Seen.MarkMmio) !== 0) return 'mmio_first';
  if ((seen & Seen.MmioSpte) !== 0) return 'mmio_fast';
  if ((seen & (Seen.Emulated | Seen.Mmio)) !== 0) return 'mmio_cached';
  // Memory has come where the device was.
  if ((seen & Seen.Mapped) !== 0) return 'mmio_stale';
  return hasEnded ? 'retried' : 'unfinished';
}

/** What the fast path found says why the slow path was needed, whatever that did. */
function declinedKind({ look, seen, isPresent }: Outcome): FaultKind | undefined {
  switch (look) {
    case 'gone':
      // Without A/D bits the fast path is asked about any fault, and most often nothing is mapped there.
      return isPresent ? 'zapped_in_flight' : undefined;
    case 'huge':
      return 'huge_logged';
    case 'host_read_only':
      return (seen & (Seen.Emulated | Seen.Mmio)) === 0 ? 'cow' : 'read_only_slot';
    case 'access_tracked':
      return 'access_tracked';
    case 'write_tracked':
      return 'write_tracked';
    case 'other':
      return 'fast_declined';
    case undefined:
      return undefined;
  }
}

function slowKind({ seen, isPresent, isFetch, wasHuge, hasEnded }: Outcome): FaultKind {
  if ((seen & Seen.Injected) !== 0 && (seen & Seen.Mapped) === 0) return 'guest_fault';
  if ((seen & Seen.Emulated) !== 0) return 'emulated';
  if ((seen & Seen.Copied) !== 0) return 'cow';
  if ((seen & Seen.Mapped) !== 0) {
    if ((seen & Seen.MappedHuge) !== 0) return 'slow_huge';
    if (isPresent) return isFetch ? 'slow_exec' : 'slow_write';
    return wasHuge ? 'slow_remap' : 'slow_map';
  }
  if ((seen & Seen.AsyncPage) !== 0) return 'async_page';
  if ((seen & Seen.Userspace) !== 0) return 'userspace';
  return hasEnded ? 'retried' : 'unfinished';
}
