// The spte of Intel's extended page tables.
//
//   63    62-59   58 57   56 54   53-52     51 ... 12   11   10   9 8   7    6      5-3    2 1 0
//   SVE   0       M  H    X  R    A/D type  pfn         P*   UX   D A   PS   IPAT   type   X W R
//
//   bit   name             who writes it      what a set bit means
//   0     R                mmu_lock           loads; not set for execute-only
//   1     W                mmu_lock, FAST     stores
//   2     X                mmu_lock           instruction fetches
//   3-5   memory type      fault-in only      with IPAT (6), as the host caches it
//   7     PS               fault-in only      above level 1: a leaf
//   8     A                fault-in, hardware used since it was last asked; 0 where hardware has no A and D
//   9     D                fault-in, hardware written since D was cleared
//   11    MMU_PRESENT      mmu_lock           maps memory; MMIO and frozen sptes do not
//   54 56 saved R and X    mmu_lock           of an access-tracked spte, whose bits 0 to 2 are clear
//   57    HOST_WRITABLE    fault-in only      host pte and memslot allow stores
//   58    MMU_WRITABLE     mmu_lock           gfn does not shadow a guest page table
//   63    suppress #VE     mmu_lock           no virtualization exception; set in 6.12's non-present sptes too
//
// W and X without R and without MMU_PRESENT are no right that EPT has: an MMIO spte, at which hardware exits with
// EPT_MISCONFIG.
import type { Halves } from '../halves.ts';
import type { SpteView } from './spte-view.ts';
import {
  isFrozenWord,
  isLeafWord,
  isPresentWord,
  keepsAD,
  mmioOf,
  nothing,
  pfnOf,
  savedRights,
  WRITABLE,
} from './spte-word.ts';

const bit = (n: number): number => 1 << n;

const READABLE = bit(0);
const EXECUTABLE = bit(2);
const RIGHTS = READABLE | WRITABLE | EXECUTABLE;
const MISCONFIG_WX = WRITABLE | EXECUTABLE;
const ACCESSED = bit(8);
const DIRTY = bit(9);
// In the high half:
const HOST_WRITABLE = bit(57 - 32);
const MMU_WRITABLE = bit(58 - 32);

export function viewEptSpte(spte: Halves, level: number): SpteView {
  if (!isPresentWord(spte)) {
    if (isFrozenWord(spte)) return nothing('ept', 'frozen');
    const isMmio = (spte.low & RIGHTS) === MISCONFIG_WX;
    return isMmio ? nothing('ept', 'mmio', mmioOf(spte)) : nothing('ept', 'none');
  }
  const { low, high } = spte;
  const isLeaf = isLeafWord(spte, level);
  const hasAD = keepsAD(spte);
  const accessTracked = isLeaf && !hasAD && (low & RIGHTS) === 0;
  const rights = accessTracked ? savedRights(spte) : low;
  return {
    layout: 'ept',
    kind: isLeaf ? 'leaf' : 'table',
    present: true,
    readable: (rights & READABLE) !== 0,
    writable: (rights & WRITABLE) !== 0,
    executable: (rights & EXECUTABLE) !== 0,
    hostWritable: (high & HOST_WRITABLE) !== 0,
    mmuWritable: (high & MMU_WRITABLE) !== 0,
    accessed: hasAD ? (low & ACCESSED) !== 0 : undefined,
    dirty: hasAD && isLeaf ? (low & DIRTY) !== 0 : undefined,
    accessTracked,
    pfn: pfnOf(spte),
    mmio: undefined,
  };
}
