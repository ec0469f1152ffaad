// The handshake of the first patchset (March 2012), over two words: the spte, and the head of its reverse map.
//
//   fast path                                    | write protection, mmu_lock held
//   plant my id in the spte                      | set PTE_LIST_WRITE_PROTECT in the rmap head
//   barrier                                      | barrier
//   rmap head protected? give up                 | spte has W or an id? clear both
//   cmpxchg the spte: from with id to with W     |
//
// A store-buffer shape: without either barrier both sides may miss the other. The id makes protection change a word that
// is read-only already, so that a pending cmpxchg notices.
import type { Shared } from '@faultline/atomics';
import type { Body } from '@faultline/checker';

export const P = 1;
export const W = 2;
const ID_SHIFT = 8;
const IDS = 0xf << ID_SHIFT;

export const SPTE = 0x1000;
export const RMAP = 0x1040;
export const LOCK = 0x1080;
const PTE_LIST_WRITE_PROTECT = 1;

/** How an id gets into the spte; answers the word as it should then be, or -1 when another was faster. */
export type Plant = (mem: Shared, spte: number, id: number) => number;

/** Ids count from 1. */
const withId = (spte: number, id: number): number => (spte & ~IDS) | (id << ID_SHIFT);

export const plantByStore: Plant = (mem, spte, id) => {
  mem.storePlain32(SPTE, withId(spte, id));
  return withId(spte, id);
};
export const plantByCmpxchg: Plant = (mem, spte, id) =>
  mem.cmpxchg32(SPTE, spte, withId(spte, id)) ? withId(spte, id) : -1;
export const plantNothing: Plant = (_mem, spte) => spte;

export const barrier = (mem: Shared): void => mem.fence();
export const noBarrier = (): void => {};
export type Barrier = (mem: Shared) => void;

export function fastPath(id: number, plant: Plant, order: Barrier): Body {
  return function fastPageFault(mem) {
    const spte = mem.load32(SPTE);
    if ((spte & P) === 0 || (spte & W) !== 0) return;
    const planted = plant(mem, spte, id);
    if (planted === -1) return;
    order(mem);
    if (mem.load32(RMAP) & PTE_LIST_WRITE_PROTECT) return;
    mem.cmpxchg32(SPTE, planted, (planted & ~IDS) | W);
  };
}

export function writeProtect(order: Barrier): Body {
  return function rmapWriteProtect(mem) {
    mem.lock(LOCK);
    mem.storePlain32(RMAP, PTE_LIST_WRITE_PROTECT);
    order(mem);
    if (mem.load32(SPTE) & (W | IDS)) mem.and32(SPTE, ~(W | IDS));
    mem.unlock(LOCK);
  };
}

export const isWritable = (mem: Shared): boolean => (mem.load32(SPTE) & W) !== 0;
export const isPresent = (mem: Shared): boolean => (mem.load32(SPTE) & P) !== 0;
export const isProtected = (mem: Shared): boolean => mem.load32(RMAP) !== 0;
export const hasId = (mem: Shared): boolean => (mem.load32(SPTE) & IDS) !== 0;

export const formatSpte = (spte: number): string => {
  if (spte === 0) return '-';
  const id = (spte & IDS) >>> ID_SHIFT;
  return `${spte & P ? 'P' : '-'}${spte & W ? 'W' : '-'}${id ? ` id${id}` : ''}`;
};
