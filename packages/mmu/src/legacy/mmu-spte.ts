// Every change of an spte by the legacy MMU. Its callers hold mmu_lock for writing, so that only the fast path and
// hardware are beside them: where that could interfere the word is exchanged, anywhere else it is stored. Whether a flush is owed is judged by
// the value that was replaced, never by an earlier look. KVM: mmu_spte_set(), mmu_spte_update(), mmu_spte_clear_track_bits().
//
// KVM traces none of them; a leaf that a fault maps is told of by kvm_mmu_set_spte.
import type { Shared } from '@faultline/atomics';
import type { Sptep } from '../address.ts';
import type { Spte } from '../event.ts';
import { markForAccessTrack, restoreAccTrack } from '../spte/acc-track.ts';
import { hasVolatileBits, isLastSpte, isShadowPresent, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { owesFlush } from '../spte/update-spte.ts';

/** Where an spte lies, and of which level it is. */
export interface Place {
  readonly sptep: Sptep;
  readonly level: number;
}

export function loadSpte(mem: Shared, sptep: Sptep): Spte {
  const low = mem.load64(sptep);
  return { low, high: mem.high };
}

/** Puts an spte where none is present: neither hardware nor the fast path changes such a word, so a store will do. */
export function mmuSpteSet(mem: Shared, sptep: Sptep, { low, high }: Spte): void {
  mem.storePlain64(sptep, low, high);
}

/** Replaces the present leaf `seen`; whether TLBs may hold rights that it has no more. */
export function mmuSpteUpdate(mem: Shared, place: Place, seen: Spte, spte: Spte): boolean {
  return owesFlush(replace(mem, place, seen, spte), spte);
}

/**
 * Gives an access-tracked leaf back what it keeps; false when the fast path has. Not an exchange: with W, which that may
 * have set, all that is known of stores would go. Litmus: legacy-restore-by-exchange.
 */
export function mmuSpteRestore(mem: Shared, sptep: Sptep, seen: Spte): boolean {
  const { low, high } = restoreAccTrack(seen);
  return mem.cmpxchg64(sptep, seen.low, seen.high, low, high) !== 0;
}

/** Zaps what `seen` was found to be; answers the value really replaced. */
export function mmuSpteClearTrackBits(mem: Shared, place: Place, seen: Spte): Spte {
  return replace(mem, place, seen, SHADOW_NONPRESENT);
}

/** Takes one bit from a present leaf, W or D or A; answers the value found. What others set in the word meanwhile stays. */
export function mmuSpteClearBit(mem: Shared, sptep: Sptep, bit: number): Spte {
  const low = mem.and64(sptep, ~bit, -1);
  return { low, high: mem.high };
}

/** Has a leaf without A and D access-tracked; answers the value really replaced. KVM: mmu_spte_age(). */
export function mmuSpteTrack(mem: Shared, place: Place, seen: Spte): Spte {
  return replace(mem, place, seen, markForAccessTrack(seen));
}

function replace(mem: Shared, { sptep, level }: Place, seen: Spte, spte: Spte): Spte {
  const volatile =
    isShadowPresent(seen.low) &&
    isLastSpte(seen.low, level) &&
    hasVolatileBits(seen.low, seen.high);
  if (!volatile) {
    mem.storePlain64(sptep, spte.low, spte.high);
    return seen;
  }
  // Not a store: the fast path may have set W since the look, and then a TLB has it. Litmus: b7-plain-store.
  const low = mem.xchg64(sptep, spte.low, spte.high);
  return { low, high: mem.high };
}
