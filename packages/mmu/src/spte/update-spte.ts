// Every change of an spte but the fast path's. Two disciplines: with mmu_lock held for reading only a compare-and-exchange
// may change an entry; with it held for writing the owner may store, atomically where the fast path could interfere.
// A caller decides on a flush (`owesFlush`) from the value that the operation found, never from an earlier look.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Sptep } from '../address.ts';
import type { MmuEvent, Spte } from '../event.ts';
import {
  hasVolatileBits,
  isAdEnabled,
  isDirty,
  isLastSpte,
  isMmuWritable,
  isShadowPresent,
} from './spte.ts';

/** Which entry changes: for the event and the flush decision. */
export interface Entry {
  readonly sptep: Sptep;
  readonly gfn: Gfn;
  readonly level: number;
}

/** With mmu_lock held for reading. False: somebody was faster, nothing has changed. KVM: tdp_mmu_set_spte_atomic(). */
export function setSpteAtomic(mem: Shared, entry: Entry, old: Spte, spte: Spte): boolean {
  if (!mem.cmpxchg64(entry.sptep, old.low, old.high, spte.low, spte.high)) return false;
  traceChange(mem, entry, old, spte);
  return true;
}

/**
 * With mmu_lock held for writing. `seen` is a value read under this lock; answers the value really replaced.
 * KVM: kvm_tdp_mmu_write_spte(): exchange where the fast path or hardware may have changed it
 * since, else a plain store. Litmus: hardware-dirty-lost.
 */
export function writeSpte(mem: Shared, entry: Entry, seen: Spte, spte: Spte): Spte {
  let old = seen;
  if (
    isShadowPresent(seen.low) &&
    isLastSpte(seen.low, entry.level) &&
    hasVolatileBits(seen.low, seen.high)
  ) {
    const low = mem.xchg64(entry.sptep, spte.low, spte.high);
    old = { low, high: mem.high };
  } else {
    mem.storePlain64(entry.sptep, spte.low, spte.high);
  }
  traceChange(mem, entry, old, spte);
  return old;
}

/** With mmu_lock held for writing, on a present leaf. Answers the value found. KVM: tdp_mmu_clear_spte_bits(). */
export function clearSpteBits(mem: Shared, entry: Entry, bits: number): Spte {
  const low = mem.and64(entry.sptep, ~bits, -1);
  const old = { low, high: mem.high };
  traceChange(mem, entry, old, { low: low & ~bits, high: old.high });
  return old;
}

/**
 * Does this change of a leaf leave TLBs with rights that the spte has not? Keyed on MMU_WRITABLE, never on W alone: a
 * stale entry may still carry the W that dirty logging cleared before. A TLB that knows D lets stores through which nobody
 * would note; one that knows A costs the ager a page that looks idle, which is not worth a flush.
 */
export const owesFlush = (old: Spte, spte: Spte): boolean =>
  isShadowPresent(old.low) &&
  (!isShadowPresent(spte.low) ||
    (isMmuWritable(old.low) && !isMmuWritable(spte.low)) ||
    (isAdEnabled(old.high) && isDirty(old.low, old.high) && !isDirty(spte.low, spte.high)));

export function traceChange(mem: Shared, entry: Entry, old: Spte, spte: Spte): void {
  mem.emit?.({
    event: 'kvm_tdp_mmu_spte_changed',
    as_id: 0,
    gfn: entry.gfn,
    level: entry.level,
    old_spte: old,
    new_spte: spte,
  } satisfies MmuEvent);
}
