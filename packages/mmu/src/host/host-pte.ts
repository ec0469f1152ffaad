// The host's own page-table entry: one 32-bit word per page of the VMM's memory, indexed by hvn.
//
//   31 ... 8   7     6 ... 3   2    1   0
//   pfn        HUGE  0         KSM  W   P
//
// HUGE: one of the pages of a huge one, which has as many as a page table has entries. They are all present, of consecutive
// frames from an aligned one on, and all alike. Linux: one entry of the level above (pmd_trans_huge).
import type { Hvn, Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';

export const HOST_PTE_PRESENT = 1;
export const HOST_PTE_WRITABLE = 2;
/** The page is shared by content: whoever wants to write gets a copy. */
export const HOST_PTE_KSM = 4;
export const HOST_PTE_HUGE = 128;
const PFN_SHIFT = 8;
/** A host pte has 24 bits for the pfn. */
export const HOST_PFN_LIMIT: number = 1 << 24;

export const hostPtep = (vm: Vm, hvn: Hvn): number => vm.at.host_page_table + (hvn << 2);
export const isHostPtePresent = (pte: number): boolean => (pte & HOST_PTE_PRESENT) !== 0;
export const isHostPteWritable = (pte: number): boolean => (pte & HOST_PTE_WRITABLE) !== 0;
export const isHostPteKsm = (pte: number): boolean => (pte & HOST_PTE_KSM) !== 0;
export const isHostPteHuge = (pte: number): boolean => (pte & HOST_PTE_HUGE) !== 0;
export const hostPtePfn = (pte: number): Pfn => (pte >>> PFN_SHIFT) as Pfn;
export const makeHostPte = (pfn: Pfn, flags: number): number =>
  (pfn << PFN_SHIFT) | HOST_PTE_PRESENT | flags;
