// A vCPU's translation look-aside buffer: direct-mapped, private, and the thing that flushes are about.
//
//   word 0   tag of the gfn, 0 for none      word 1   1 if stores may pass
//   word 2   index of the page's first word in guest memory      (stride 4: an entry never straddles a cache line)
import type { Gfn } from '../address.ts';

const INDEX_BITS = 10;
export const TLB_ENTRIES: number = 1 << INDEX_BITS;
const STRIDE = 4;
const MASK = TLB_ENTRIES - 1;

export type Tlb = Int32Array;

export const newTlb = (): Tlb => new Int32Array(TLB_ENTRIES * STRIDE);

const entryOf = (gfn: Gfn): number => (gfn & MASK) << 2;
// The bits that the index leaves out, plus one: no gfn of 32 bits has the tag of an empty entry.
const tagOf = (gfn: Gfn): number => (gfn >>> INDEX_BITS) + 1;

/** Index of the page's first word, or -1 when the access has to go through the page table. */
export function tlbLookup(tlb: Tlb, gfn: Gfn, write: boolean): number {
  const entry = entryOf(gfn);
  if (tlb[entry] !== tagOf(gfn) || (write && tlb[entry + 1] === 0)) return -1;
  return (tlb[entry + 2] as number) >>> 0;
}

export function tlbFill(tlb: Tlb, gfn: Gfn, writable: boolean, base: number): void {
  const entry = entryOf(gfn);
  tlb[entry] = tagOf(gfn);
  tlb[entry + 1] = writable ? 1 : 0;
  tlb[entry + 2] = base;
}

/** What hardware does to the translation that faulted. */
export function tlbDrop(tlb: Tlb, gfn: Gfn): void {
  const entry = entryOf(gfn);
  if (tlb[entry] === tagOf(gfn)) tlb[entry] = 0;
}

export function tlbFlush(tlb: Tlb): void {
  tlb.fill(0);
}
