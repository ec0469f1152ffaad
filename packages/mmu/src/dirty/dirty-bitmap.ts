// The dirty log: one bit per page of the VMM's memory. KVM: one bitmap per memslot; here they lie end to end in the order
// of the VMM's memory, so that a reader that copies that memory needs no translation.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { gfnToHvn, isLogged, type Memslot } from '../vm/memslots.ts';

export const bitmapWord = (bitmap: number, hvn: Hvn): number => bitmap + ((hvn >>> 5) << 2);
export const bitmapBit = (hvn: Hvn): number => 1 << (hvn & 31);

/** Marks one page as written, if its slot is logged. KVM: mark_page_dirty_in_slot(). */
export function markPageDirty(mem: Shared, vm: Vm, slot: Memslot | undefined, gfn: Gfn): void {
  if (slot === undefined || !isLogged(slot)) return;
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

/** Empties a bitmap over `npages` pages from `hvn` on and calls `visit` for each page that was set; how many. */
export function takeBits(
  mem: Shared,
  bitmap: number,
  { hvn, npages }: Pick<Memslot, 'hvn' | 'npages'>,
  visit: (hvn: Hvn) => void,
): number {
  let count = 0;
  for (let first = hvn & ~31; first < hvn + npages; first += 32) {
    const word = bitmapWord(bitmap, first as Hvn);
    const mask = rangeMask(first, hvn, hvn + npages);
    if ((mem.load32(word) & mask) === 0) continue;
    let bits = mem.and32(word, ~mask) & mask;
    for (; bits !== 0; bits &= bits - 1) {
      visit((first + 31 - Math.clz32(bits & -bits)) as Hvn);
      count++;
    }
  }
  return count;
}

/** Which bits of the word of pages [first, first + 32) lie in [start, end). */
function rangeMask(first: number, start: number, end: number): number {
  const below = start > first ? -1 << (start - first) : -1;
  const above = end < first + 32 ? (1 << (end - first)) - 1 : -1;
  return below & above;
}
