// KVM_GET_DIRTY_LOG: take the log of a slot, write-protect what it names, and hand it to every client.
//
// One log is marked by faults; each harvest ORs what it took into the private bitmap of every client (migration,
// snapshot, frame buffer, ...): any number of readers, at no cost to a fault. The harvest that ends a migration is taken
// with the vCPUs paused: a fast path may be between its cmpxchg and its mark.
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { entryAt } from '../spte/walk.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { findSlot, hvnToGfn, isLogged, type Memslot } from '../vm/memslots.ts';
import { leafTable } from '../vm/tdp-iter.ts';
import { writeProtectLeaf } from '../vm/write-protect.ts';
import { bitmapBit, bitmapWord, clientBitmap, takeBits } from './dirty-bitmap.ts';

/**
 * Harvests slot `id`; how many pages were dirty. Afterwards each client's bitmap holds them, and the next store to any of
 * them faults. The slot need not be logged: then nothing is found (KVM: -ENOENT). Throws a RangeError when there is no such slot.
 */
export function getDirtyLog(mem: Shared, vm: Vm, id: number): number {
  assertOutside(mem);
  mem.lock(vm.at.slots_lock);
  const pages: Hvn[] = [];
  try {
    const slot = findSlot(mem, vm, id);
    mem.writeLock(vm.at.mmu_lock);
    protectDirtyPages(mem, vm, slot, pages);
    mem.writeUnlock(vm.at.mmu_lock);
    // After mmu_lock, before returning: whoever needs "no CPU can write" keys on MMU_WRITABLE and flushes itself.
    // Always when a page was dirty, though its spte may have lost W to somebody whose flush is still to come.
    if (pages.length > 0) flushRemoteTlbs(mem, vm);
    // After the flush: a client that copied a page while a TLB still let stores through would not be told of them.
    tellClients(mem, vm, pages);
  } finally {
    mem.unlock(vm.at.slots_lock);
  }
  mem.emit?.({ event: 'get_dirty_log', slot: id, dirty: pages.length });
  return pages.length;
}

function tellClients(mem: Shared, vm: Vm, pages: readonly Hvn[]): void {
  for (let client = 0; client < vm.dirtyClients; client++) {
    const bitmap = clientBitmap(vm, client);
    for (const hvn of pages) mem.or32(bitmapWord(bitmap, hvn), bitmapBit(hvn));
  }
}

/** Takes a client's own record of slot `id`: what every harvest found since it last asked. Calls `visit` per page. */
export function takeDirty(
  mem: Shared,
  vm: Vm,
  slot: Pick<Memslot, 'hvn' | 'npages'>,
  client: number,
  visit: (hvn: Hvn) => void,
): number {
  return takeBits(mem, clientBitmap(vm, client), slot, visit);
}

function protectDirtyPages(mem: Shared, vm: Vm, slot: Memslot, pages: Hvn[]): void {
  if (!isLogged(slot)) return;
  const { indexBits } = vm.geometry;
  let table = 0;
  let tableOf = -1;
  // The word is emptied before its pages are protected: a fault between the two marks again, for the next harvest.
  takeBits(mem, vm.at.dirty_bitmap, slot, (hvn) => {
    const gfn = hvnToGfn(slot, hvn);
    if (gfn >>> indexBits !== tableOf) {
      tableOf = gfn >>> indexBits;
      table = leafTable(mem, vm, gfn);
    }
    // No table: nothing is mapped, or a large leaf, which is split before a fault may mark any page of it.
    if (table !== 0) {
      const sptep = entryAt(vm, table, gfn, 1);
      writeProtectLeaf(mem, { sptep, gfn, level: 1 }, mem.load64(sptep));
    }
    pages.push(hvn);
  });
}
