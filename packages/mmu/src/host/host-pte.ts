// The host's own page-table entry: one 32-bit word per page of the VMM's memory, indexed by hvn. 0: never touched.
//
//   31 ... 8          7     6        5          4              3       2    1   0
//   pfn, or a slot    HUGE  MISSING  PROTECTED  KSM_PROTECTED  SHARED  KSM  W   P
//
//   0                 reads as zeros; the first touch gives it a frame
//   P W               of its own
//   P                 read-only for now: a writer gets W back
//   P KSM_PROTECTED   the same; nobody has written it since a merging thread protected it
//   P SHARED          others may hold references to see the content as it is: a writer gets a copy, unless it is the last
//   P KSM             shared by content: a writer gets a copy
//   MISSING           a pager has the content; who touches it asks and sleeps
//   PROTECTED         beside any of them: the VMM may not write the page, so W is not given
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
/** Others may hold references to the frame for its content. Linux: the absence of PageAnonExclusive. */
export const HOST_PTE_SHARED = 8;
/** Set by the thread that merges, gone with the next write: what it compares with does not come back. */
export const HOST_PTE_KSM_PROTECTED = 16;
/** The VMM has the page read-only. Linux: a VMA without VM_WRITE. */
export const HOST_PTE_PROTECTED = 32;
/** A pager has the content, under the number that stands in place of the pfn. Linux: a swap entry, userfaultfd's missing. */
export const HOST_PTE_MISSING = 64;
const PFN_SHIFT = 8;
/** A host pte has 24 bits for the pfn. */
export const HOST_PFN_LIMIT: number = 1 << 24;

export const hostPtep = (vm: Vm, hvn: Hvn): number => vm.at.host_page_table + (hvn << 2);
export const isHostPtePresent = (pte: number): boolean => (pte & HOST_PTE_PRESENT) !== 0;
export const isHostPteWritable = (pte: number): boolean => (pte & HOST_PTE_WRITABLE) !== 0;
export const isHostPteKsm = (pte: number): boolean => (pte & HOST_PTE_KSM) !== 0;
export const isHostPteHuge = (pte: number): boolean => (pte & HOST_PTE_HUGE) !== 0;
export const isHostPteShared = (pte: number): boolean => (pte & HOST_PTE_SHARED) !== 0;
export const isHostPteProtected = (pte: number): boolean => (pte & HOST_PTE_PROTECTED) !== 0;
export const isHostPteMissing = (pte: number): boolean => (pte & HOST_PTE_MISSING) !== 0;
/** Neither a frame nor a pager has it: it reads as zeros. */
export const isHostPteEmpty = (pte: number): boolean =>
  (pte & (HOST_PTE_PRESENT | HOST_PTE_MISSING)) === 0;
export const hostPtePfn = (pte: number): Pfn => (pte >>> PFN_SHIFT) as Pfn;
/** Where the pager has the content of a missing page. */
export const hostPteSlot = (pte: number): number => pte >>> PFN_SHIFT;
export const makeHostPte = (pfn: Pfn, flags: number): number =>
  (pfn << PFN_SHIFT) | HOST_PTE_PRESENT | flags;
/** Throws a RangeError for a slot that has no room in the entry. */
export function makeMissingHostPte(slot: number, flags: number): number {
  if (Number.isInteger(slot) && slot >= 0 && slot < HOST_PFN_LIMIT) {
    return (slot << PFN_SHIFT) | HOST_PTE_MISSING | flags;
  }
  throw new RangeError(`expected a slot below ${HOST_PFN_LIMIT}, got ${slot}`);
}
/** What belongs to the place and not to the page: it stays whatever is put there. */
export const hostPteProtection = (pte: number): number => pte & HOST_PTE_PROTECTED;
