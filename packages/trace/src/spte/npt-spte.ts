// The spte of AMD's nested paging, and of shadow paging on every processor: a 64-bit page-table entry.
//
//   63   62-54   53-52     51 ... 12   11 10 9   8   7    6 5   4 3   2 1 0
//   NX   saved   A/D type  pfn         P* M  H   0   PS   D A   0     U W P
//
//   bit   name             who writes it      what a set bit means
//   0     P                mmu_lock           hardware may walk through
//   1     W                mmu_lock, FAST     hardware lets stores through
//   2     U                fault-in only      user mode may; under nested paging always set
//   5     A                fault-in, hardware used since it was last asked
//   6     D                fault-in, hardware written since D was cleared
//   7     PS               fault-in only      above level 1: a leaf
//   9     HOST_WRITABLE    fault-in only      host pte and memslot allow stores
//   10    MMU_WRITABLE     mmu_lock           gfn does not shadow a guest page table
//   11    MMU_PRESENT      mmu_lock           maps memory; MMIO and frozen sptes do not
//   51                     mmu_lock           with P and without MMU_PRESENT: an MMIO spte, for hardware a reserved bit
//   63    NX               fault-in only      no instruction fetches; set in 6.12's non-present sptes, where it means nothing
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

const PRESENT = bit(0);
const USER = bit(2);
const RIGHTS = PRESENT | WRITABLE | USER;
const ACCESSED = bit(5);
const DIRTY = bit(6);
const HOST_WRITABLE = bit(9);
const MMU_WRITABLE = bit(10);
// In the high half:
const RESERVED = bit(51 - 32);

export function viewNptSpte(spte: Halves, level: number): SpteView {
  if (!isPresentWord(spte)) {
    if (isFrozenWord(spte)) return nothing('npt', 'frozen');
    return isMmio(spte) ? nothing('npt', 'mmio', mmioOf(spte)) : nothing('npt', 'none');
  }
  const { low, high } = spte;
  const isLeaf = isLeafWord(spte, level);
  const hasAD = keepsAD(spte);
  const accessTracked = isLeaf && !hasAD && (low & RIGHTS) === 0;
  const rights = accessTracked ? savedRights(spte) : low;
  return {
    layout: 'npt',
    kind: isLeaf ? 'leaf' : 'table',
    present: true,
    readable: (rights & PRESENT) !== 0,
    writable: (rights & WRITABLE) !== 0,
    executable: (rights & PRESENT) !== 0 && high >= 0,
    hostWritable: (low & HOST_WRITABLE) !== 0,
    mmuWritable: (low & MMU_WRITABLE) !== 0,
    accessed: hasAD ? (low & ACCESSED) !== 0 : undefined,
    dirty: hasAD && isLeaf ? (low & DIRTY) !== 0 : undefined,
    accessTracked,
    pfn: pfnOf(spte),
    mmio: undefined,
  };
}

const isMmio = ({ low, high }: Halves): boolean => (low & PRESENT) !== 0 && (high & RESERVED) !== 0;
