// The dirty log: one bit per page of the VMM's memory. KVM: one bitmap per memslot; here they lie end to end in the order
// of the VMM's memory, so that a reader that copies that memory needs no translation.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { gfnToHvn, type HvnRange, isLogged, type Memslot } from '../vm/memslots.ts';
import { dirtyRingPush } from './dirty-ring.ts';

export const bitmapWord = (bitmap: number, hvn: Hvn): number => bitmap + ((hvn >>> 5) << 2);
export const bitmapBit = (hvn: Hvn): number => 1 << (hvn & 31);

/**
 * Marks one page as written, if its slot is logged: in the ring of the vCPU whose thread this is, if the VM has rings and
 * there is room, else in the bitmap. KVM: mark_page_dirty_in_slot().
 */
export function markPageDirty(mem: Shared, vm: Vm, slot: Memslot | undefined, gfn: Gfn): void {
  if (slot === undefined || !isLogged(slot)) return;
  if (vm.dirtyRing !== 0 && dirtyRingPush(mem, vm, slot, gfn)) return;
  const hvn = gfnToHvn(slot, gfn);
  mem.or32(bitmapWord(vm.at.dirty_bitmap, hvn), bitmapBit(hvn));
}

/** The address of a client's private bitmap. */
export function clientBitmap(vm: Vm, client: number): number {
  if (!(client >= 0 && client < vm.dirtyClients)) {
    throw new RangeError(`expected a dirty-log client below ${vm.dirtyClients}, got ${client}`);
  }
  return vm.at.client_bitmaps + client * Math.ceil(vm.hostPages / 32) * 4;
}

/** Adds pages to the bitmap of every client but `except`. After the flush: see docs/locking.md. slots_lock held. */
export function tellClients(mem: Shared, vm: Vm, pages: readonly Hvn[], except?: number): void {
  for (let client = 0; client < vm.dirtyClients; client++) {
    if (client === except) continue;
    const bitmap = clientBitmap(vm, client);
    for (const hvn of pages) mem.or32(bitmapWord(bitmap, hvn), bitmapBit(hvn));
  }
}

/** Empties a bitmap over a range and calls `visit` for each page that was set; how many. */
export function takeBits(
  mem: Shared,
  bitmap: number,
  range: HvnRange,
  visit: (hvn: Hvn) => void,
): number {
  let count = 0;
  forEachWord(bitmap, range, (word, mask, first) => {
    if ((mem.load32(word) & mask) === 0) return;
    count += visitBits(mem.and32(word, ~mask) & mask, first, visit);
  });
  return count;
}

/** Calls `visit` for each page of a range that is set in a bitmap, and leaves it as it is; how many. */
export function readBits(
  mem: Shared,
  bitmap: number,
  range: HvnRange,
  visit: (hvn: Hvn) => void,
): number {
  let count = 0;
  forEachWord(bitmap, range, (word, mask, first) => {
    count += visitBits(mem.load32(word) & mask, first, visit);
  });
  return count;
}

/** Sets all bits of a range. */
export function setBits(mem: Shared, bitmap: number, range: HvnRange): void {
  forEachWord(bitmap, range, (word, mask) => mem.or32(word, mask));
}

/** Calls `visit` with the word of each 32 pages of a bitmap that meet the range, which bits do, and the first of the pages. */
export function forEachWord(
  bitmap: number,
  { hvn, npages }: HvnRange,
  visit: (word: number, mask: number, first: Hvn) => void,
): void {
  for (let first = hvn & ~31; first < hvn + npages; first += 32) {
    visit(bitmapWord(bitmap, first as Hvn), rangeMask(first, hvn, hvn + npages), first as Hvn);
  }
}

/** Pages of a word of KVM's bitmaps, of which the first begins with the slot: so many leave the log at once. */
const BITS_PER_LONG = 64;

/** Calls `visit` with each stretch of a slot, or of pages of it from a multiple of 64 on, that KVM has in a word of its log. */
export function forEachLong({ hvn, npages }: HvnRange, visit: (range: HvnRange) => void): void {
  for (let page = 0; page < npages; page += BITS_PER_LONG) {
    visit({ hvn: (hvn + page) as Hvn, npages: Math.min(BITS_PER_LONG, npages - page) });
  }
}

/** Calls `visit` for each page that a word of the pages from `first` on names; how many. */
export function visitBits(set: number, first: Hvn, visit: (hvn: Hvn) => void): number {
  let count = 0;
  for (let bits = set; bits !== 0; bits &= bits - 1) {
    visit((first + 31 - Math.clz32(bits & -bits)) as Hvn);
    count++;
  }
  return count;
}

/** Which bits of the word of pages [first, first + 32) lie in [start, end). */
function rangeMask(first: number, start: number, end: number): number {
  const below = start > first ? -1 << (start - first) : -1;
  const above = end < first + 32 ? (1 << (end - first)) - 1 : -1;
  return below & above;
}
