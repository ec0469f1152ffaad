// A vCPU's translation look-aside buffer: direct-mapped, private, and the thing that flushes are about.
//
//   word 0   gfn that loads may use, or NONE      word 1   gfn that stores may use, or NONE
//   word 2   index of the page's first word in guest memory         (stride 4: an entry lies in one cache line)
//
// Two tags instead of a tag and a flag: one comparison tells a hit, of either kind.
import type { Gfn } from '../address.ts';

export const TLB_ENTRIES = 1024;
const STRIDE = 4;
const MASK = TLB_ENTRIES - 1;
/** No gfn that an access can have, as the int32 that the array holds: also not that of an access beyond all memory. */
const NONE = -1;

export type Tlb = Int32Array;

export const TLB_LENGTH: number = TLB_ENTRIES * STRIDE;

export const newTlb = (): Tlb => new Int32Array(TLB_LENGTH).fill(NONE);

const entryOf = (gfn: Gfn): number => (gfn & MASK) << 2;

/** Index of the page's first word, or -1 when a load has to go through the page table. */
export function tlbLookupRead(tlb: Tlb, gfn: Gfn): number {
  const entry = entryOf(gfn);
  return tlb[entry] === (gfn | 0) ? (tlb[entry + 2] as number) >>> 0 : -1;
}

/** The same for a store. */
export function tlbLookupWrite(tlb: Tlb, gfn: Gfn): number {
  const entry = entryOf(gfn);
  return tlb[entry + 1] === (gfn | 0) ? (tlb[entry + 2] as number) >>> 0 : -1;
}

export function tlbFill(tlb: Tlb, gfn: Gfn, writable: boolean, base: number): void {
  const entry = entryOf(gfn);
  tlb[entry] = gfn;
  tlb[entry + 1] = writable ? gfn : NONE;
  tlb[entry + 2] = base;
}

/** What hardware does to the translation that faulted. */
export function tlbDrop(tlb: Tlb, gfn: Gfn): void {
  const entry = entryOf(gfn);
  if (tlb[entry] === (gfn | 0)) tlb.fill(NONE, entry, entry + 2);
}

export function tlbFlush(tlb: Tlb): void {
  tlb.fill(NONE);
}
