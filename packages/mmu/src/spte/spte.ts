// The shadow page-table entry: KVM's NPT / shadow format, every bit where KVM has it (KVM: arch/x86/kvm/mmu/spte.h).
// A value travels as two int32 halves. All flags of a present spte lie in `low`; `high` holds pfn bits 20-39 and bit 63.
//
//   63   62 ... 52   51 ... 12   11 10 9   8   7    6 5   4 3   2 1 0
//   NX   0           pfn         P* M  H   0   PS   D A   0     U W P
//
// On hardware without A and D, bit 52 says so, A and D are never set, and bits 0 to 2 are EPT's R, W and X. There an
// access-tracked spte has lost all three: hardware faults on it, and the fault says that the page was used. R and X wait in
// bits 54 and 56; W is not kept (acc-track.ts).
//
// Legal states of a leaf (HOST_WRITABLE, MMU_WRITABLE, W):
//   1 1 1   writable
//   1 1 0   write-protected for dirty logging: the fast path may set W
//   1 0 0   write-protected because the gfn shadows a guest page table
//   0 0 0   the host's page is read-only (KSM, copy-on-write), or its memslot is
// An entry that maps nothing is non-present, frozen, or an MMIO spte (mmio-spte.ts).
// Never MMU_WRITABLE without HOST_WRITABLE, never W without MMU_WRITABLE.
import type { Pfn } from '../address.ts';
import type { Spte } from '../event.ts';

const bit = (n: number): number => 1 << n;

//                                                   who writes it      what a set bit means
export const PT_PRESENT_MASK: number = bit(0); //       mmu_lock           hardware may walk through
export const PT_WRITABLE_MASK: number = bit(1); //      mmu_lock, FAST     hardware lets stores through
export const PT_USER_MASK: number = bit(2); //          fault-in only      always set: the guest's own tables judge
export const PT_ACCESSED_MASK: number = bit(5); //      fault-in, hardware used since it was last asked
export const PT_DIRTY_MASK: number = bit(6); //         fault-in, hardware written since it was made writable, or since D was cleared
export const PT_PAGE_SIZE_MASK: number = bit(7); //     fault-in only      a leaf above level 1
export const SPTE_HOST_WRITABLE: number = bit(9); //    fault-in only      host pte and memslot allow stores
export const SPTE_MMU_WRITABLE: number = bit(10); //    mmu_lock           gfn does not shadow a guest page table
export const SPTE_MMU_PRESENT_MASK: number = bit(11); // mmu_lock          maps memory; MMIO and frozen sptes do not
// In the high half:
/** Bit 52: hardware has no A and D. KVM's type 1 of bits 52-53; type 2, write-protect only, is for nested guests. */
export const SPTE_TDP_AD_DISABLED: number = bit(52 - 32); // fault-in only

/** KVM: shadow_acc_track_mask, EPT's R, W and X. */
export const ACC_TRACK_MASK: number = PT_PRESENT_MASK | PT_WRITABLE_MASK | PT_USER_MASK;
/** How far up in `high` an access-tracked spte keeps R and X: bit 0 in 54, bit 2 in 56. */
export const ACC_TRACK_SAVED_SHIFT: number = 54 - 32;
export const ACC_TRACK_SAVED_MASK: number =
  (PT_PRESENT_MASK | PT_USER_MASK) << ACC_TRACK_SAVED_SHIFT;

const ADDRESS_LOW = -4096; // bits 12-31
const ADDRESS_HIGH = 0x000f_ffff; // bits 32-51
const FLAGS = 0xfff;
const PFN_BITS_IN_LOW = 20;

/** Not present. Bit 63 as on 64-bit KVM since 6.9; 6.1 had 0. */
export const SHADOW_NONPRESENT: Spte = { low: 0, high: 1 << 31 };
/** Owned by whoever put it there: nobody else may replace it, no fault makes progress past it. */
export const FROZEN_SPTE: Spte = { low: 0x5a0, high: 1 << 31 };

/** Present for hardware, with bit 51 set, which is reserved; what more there is in an MMIO spte: mmio-spte.ts. */
export const SHADOW_MMIO_VALUE: Spte = { low: PT_PRESENT_MASK, high: 1 << 19 };

export const isShadowPresent = (low: number): boolean => (low & SPTE_MMU_PRESENT_MASK) !== 0;
export const isWritable = (low: number): boolean => (low & PT_WRITABLE_MASK) !== 0;
export const isMmuWritable = (low: number): boolean => (low & SPTE_MMU_WRITABLE) !== 0;
export const isHostWritable = (low: number): boolean => (low & SPTE_HOST_WRITABLE) !== 0;
export const isFrozen = (low: number, high: number): boolean =>
  low === FROZEN_SPTE.low && high === FROZEN_SPTE.high;
export const isMmioSpte = (low: number, high: number): boolean =>
  (low & SHADOW_MMIO_VALUE.low) !== 0 && (high & SHADOW_MMIO_VALUE.high) !== 0;
/** Of a present spte: does it map memory, or lead to another table? */
export const isLastSpte = (low: number, level: number): boolean =>
  level === 1 || (low & PT_PAGE_SIZE_MASK) !== 0;
/** Of an spte above level 1: present, and no leaf? */
export const leadsToTable = (low: number): boolean =>
  (low & (SPTE_MMU_PRESENT_MASK | PT_PAGE_SIZE_MASK)) === SPTE_MMU_PRESENT_MASK;
/** Does hardware set A and D in it? */
export const isAdEnabled = (high: number): boolean => (high & SPTE_TDP_AD_DISABLED) === 0;
/** Of a leaf: are its rights taken away and kept, so that the next access faults? */
export const isAccessTracked = (low: number, high: number): boolean =>
  !isAdEnabled(high) && (low & ACC_TRACK_MASK) === 0;
/** Of a leaf: may hardware let this access through? */
export const isAccessAllowed = (low: number, write: boolean): boolean =>
  (low & (write ? PT_WRITABLE_MASK : PT_PRESENT_MASK)) !== 0;
/** Of a leaf: has the page been used since it was last asked? KVM: is_accessed_spte(). */
export const isAccessed = ({ low, high }: Spte): boolean =>
  isAdEnabled(high) ? (low & PT_ACCESSED_MASK) !== 0 : !isAccessTracked(low, high);
/** Of a leaf: may the page have been written through it? Without D, whatever is writable counts. KVM: is_dirty_spte(). */
export const isDirty = (low: number, high: number): boolean =>
  (low & (isAdEnabled(high) ? PT_DIRTY_MASK : PT_WRITABLE_MASK)) !== 0;

/**
 * May the fast path, or hardware, change this leaf while mmu_lock is held? Then every store to it must be atomic. W is only
 * set where MMU_WRITABLE is, rights are only restored to what is tracked, and A and D are only set, D where W is.
 * KVM: spte_has_volatile_bits().
 */
export function hasVolatileBits(low: number, high: number): boolean {
  if (!isWritable(low) && isMmuWritable(low)) return true;
  if (!isAdEnabled(high)) return isAccessTracked(low, high);
  return (low & PT_ACCESSED_MASK) === 0 || (isWritable(low) && (low & PT_DIRTY_MASK) === 0);
}

/** The pfn of a leaf, or the frame number of a table. */
export const spteToPfn = (low: number, high: number): Pfn =>
  ((low >>> 12) + (high & ADDRESS_HIGH) * 2 ** PFN_BITS_IN_LOW) as Pfn;

/** The address half of an spte for `pfn`, without flags. */
export const pfnToSpte = (pfn: Pfn | number): Spte => ({
  low: (pfn << 12) & ADDRESS_LOW,
  high: Math.floor(pfn / 2 ** PFN_BITS_IN_LOW) & ADDRESS_HIGH,
});

/** What is wrong with the bits of an spte, or undefined. */
export function illegalState({ low, high }: Spte, level: number): string | undefined {
  if (isMmioSpte(low, high)) return illegalMmioState(low, high, level);
  if (!isShadowPresent(low)) return low === 0 || low === FROZEN_SPTE.low ? undefined : 'stray bits';
  const isTracked = isLastSpte(low, level) && isAccessTracked(low, high);
  if ((low & PT_PRESENT_MASK) === 0 && !isTracked) return 'MMU-present but not present';
  if (isTracked !== ((high & ACC_TRACK_SAVED_MASK) !== 0))
    return 'saved rights and not tracked, or none';
  if (!isAdEnabled(high) && (low & (PT_ACCESSED_MASK | PT_DIRTY_MASK)) !== 0)
    return 'A or D without A/D bits';
  if (!isLastSpte(low, level)) return undefined;
  if (isMmuWritable(low) && !isHostWritable(low)) return 'MMU_WRITABLE without HOST_WRITABLE';
  if (isWritable(low) && !isMmuWritable(low)) return 'W without MMU_WRITABLE';
  return undefined;
}

function illegalMmioState(low: number, high: number, level: number): string | undefined {
  if (isShadowPresent(low)) return 'MMU-present with a reserved bit';
  if (level > 1) return 'MMIO above level 1';
  return high < 0 ? 'MMIO with bit 63' : undefined;
}

/** `0x102db8e65 [P U A D H M *]`-style text, for messages and drawings. */
export function formatSpte({ low, high }: Spte): string {
  const hex = `${(high >>> 0).toString(16)}${(low >>> 0).toString(16).padStart(8, '0')}`;
  if (isFrozen(low, high)) return 'frozen';
  if (isMmioSpte(low, high)) return `0x${hex.replace(/^0+(?=.)/, '')} MMIO`;
  const names = 'PWU  AD  HM*';
  const flags = [...names].filter((name, n) => name !== ' ' && (low & FLAGS & bit(n)) !== 0);
  if (isShadowPresent(low) && isAccessTracked(low, high)) flags.push('tracked');
  return `0x${hex.replace(/^0+(?=.)/, '')} [${flags.join(' ')}]`;
}
