// Every change of an spte by the legacy MMU. Its callers hold mmu_lock for writing, so that only the fast path is beside
// them: where that could interfere the word is exchanged, anywhere else it is stored. Whether a flush is owed is judged by
// the value that was replaced, never by an earlier look. KVM: mmu_spte_set(), mmu_spte_update(), mmu_spte_clear_track_bits().
//
// KVM traces none of them; a leaf that a fault maps is told of by kvm_mmu_set_spte.
import type { Shared } from '@faultline/atomics';
import type { Sptep } from '../address.ts';
import type { Spte } from '../event.ts';
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

/** Zaps what `seen` was found to be; answers the value really replaced. */
export function mmuSpteClearTrackBits(mem: Shared, place: Place, seen: Spte): Spte {
  return replace(mem, place, seen, SHADOW_NONPRESENT);
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
