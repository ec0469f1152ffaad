// Sptes of hardware without A and D. Whether a page is used is learned from faults: the ager takes all rights from the leaf
// and keeps R and X beside them; the next access faults and gives them back, without mmu_lock. W is not kept: it returns, as
// always, by MMU_WRITABLE and a write fault alone. Litmus: access-track-restores-w.
// KVM: mark_spte_for_access_track(), restore_acc_track_spte().
import type { Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import {
  ACC_TRACK_MASK,
  ACC_TRACK_SAVED_MASK,
  ACC_TRACK_SAVED_SHIFT,
  isAccessTracked,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  SPTE_TDP_AD_DISABLED,
} from './spte.ts';

/** The same entry, leaf or not, on hardware without A and D. */
export const withoutAdBits = ({ low, high }: Spte): Spte => ({
  low: low & ~(PT_ACCESSED_MASK | PT_DIRTY_MASK),
  high: high | SPTE_TDP_AD_DISABLED,
});

/** `spte` with the A/D type of this VM's hardware. KVM: SPTE_TDP_AD_DISABLED in make_spte() and make_nonleaf_spte(). */
export const withAdType = (vm: Pick<Vm, 'adBits'>, spte: Spte): Spte =>
  vm.adBits ? spte : withoutAdBits(spte);

/** Of a leaf without A and D that is not tracked yet. */
export const markForAccessTrack = ({ low, high }: Spte): Spte => ({
  low: low & ~ACC_TRACK_MASK,
  high: high | ((low << ACC_TRACK_SAVED_SHIFT) & ACC_TRACK_SAVED_MASK),
});

/** The low half with its R and X again; any other leaf's as it is. */
export const restoredLow = (low: number, high: number): number =>
  isAccessTracked(low, high)
    ? low | ((high & ACC_TRACK_SAVED_MASK) >>> ACC_TRACK_SAVED_SHIFT)
    : low;
export const restoredHigh = (high: number): number => high & ~ACC_TRACK_SAVED_MASK;

export const restoreAccTrack = ({ low, high }: Spte): Spte => ({
  low: restoredLow(low, high),
  high: restoredHigh(high),
});
