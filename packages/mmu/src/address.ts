// Address spaces, one type each, and every shift between them.
//
//   gva --guest's own tables--> gpa --memslot--> hva --host's page table--> pfn
//                               gpa >> 12 = gfn   hva >> 12 = hvn (a page of the VMM's memory)
//
//   63            48 47      39 38      30 29      21 20      12 11         0
//   | sign extended | level 4  | level 3  | level 2  | level 1  |  offset   |   of a gpa, geometry 4 x 9
//
// KVM: hva_t is a byte address of the VMM process; here it counts from the start of the VMM's memory.

declare const space: unique symbol;
type Address<Space extends string> = number & { readonly [space]: Space };

/** Guest virtual address, in bytes. */
export type Gva = Address<'gva'>;
/** Guest physical address, in bytes. */
export type Gpa = Address<'gpa'>;
/** Guest frame number: `gpa >> 12`. */
export type Gfn = Address<'gfn'>;
/** Host virtual address: a byte of the VMM's memory, counted from its start. */
export type Hva = Address<'hva'>;
/** Host virtual page number: `hva >> 12`. */
export type Hvn = Address<'hvn'>;
/** Page frame number of the host's physical memory (of guest RAM's backing store). */
export type Pfn = Address<'pfn'>;
/** Where an spte lives: a byte address in the shared words, a multiple of 8. */
export type Sptep = Address<'sptep'>;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
/** 32-bit words of one page of guest memory. */
export const PAGE_WORDS = 1024;

export const gfnToGpa = (gfn: Gfn): Gpa => (gfn * PAGE_SIZE) as Gpa;
export const gpaToGfn = (gpa: Gpa): Gfn =>
  // An int32, by far the most, costs the guest's hot loop one shift; a division would make it a double.
  ((gpa | 0) === gpa ? gpa >>> PAGE_SHIFT : Math.floor(gpa / PAGE_SIZE)) as Gfn;
/** No page table or memslot reaches a gfn from here on. All that they hold, and this one, fit 32 bits and are not -1. */
export const GFN_LIMIT = 0xffff_fffe;
/** The gfn of a guest's access, `GFN_LIMIT` for all beyond it: 32 bits, so that no other gfn has its place in a TLB. */
export const accessedGfn = (gpa: Gpa): Gfn => Math.min(gpaToGfn(gpa), GFN_LIMIT) as Gfn;
/** Offset of a gpa within its page, in bytes. */
export const offsetInPage = (gpa: Gpa): number => gpa & (PAGE_SIZE - 1);
export const hvaToHvn = (hva: Hva): Hvn => Math.floor(hva / PAGE_SIZE) as Hvn;
export const hvnToHva = (hvn: Hvn): Hva => (hvn * PAGE_SIZE) as Hva;

/** The shape of a page table: `levels` of tables with `1 << indexBits` entries. KVM's is 4 x 9. */
export interface Geometry {
  readonly levels: number;
  readonly indexBits: number;
}

export const X86_64: Geometry = { levels: 4, indexBits: 9 };

/** One past the last gfn that a page table of this shape can map. */
export const gfnLimit = ({ levels, indexBits }: Geometry): number =>
  Math.min(2 ** (levels * indexBits), GFN_LIMIT);
/** Index of `gfn`, below 2^32 as memslots are, in its table of `level`; level 1 holds the leaves. */
export const tableIndex = (gfn: Gfn, level: number, indexBits: number): number =>
  (gfn >>> ((level - 1) * indexBits)) & ((1 << indexBits) - 1);
/** Pages that one entry of a table of `level` maps. */
export const pagesPerEntry = (level: number, indexBits: number): number =>
  2 ** ((level - 1) * indexBits);
/** The first gfn that the entry of `level` maps with `gfn`. */
export const firstGfn = (gfn: Gfn, level: number, indexBits: number): Gfn =>
  (gfn - (gfn % pagesPerEntry(level, indexBits))) as Gfn;
/** The first page of the huge page that holds page `page` (a gfn, hvn or pfn below 2^32). */
export const hugePageOf = <Page extends number>(page: Page, { indexBits }: Geometry): Page =>
  (((page >>> indexBits) << indexBits) >>> 0) as Page;
