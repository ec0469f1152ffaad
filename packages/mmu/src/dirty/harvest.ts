// KVM_GET_DIRTY_LOG: take the log of a slot, write-protect what it names, and hand it to every client.
//
// One log is marked by faults; each harvest ORs what it took into the private bitmap of every client (migration,
// snapshot, frame buffer, ...): any number of readers, at no cost to a fault. The harvest that ends a migration is taken
// with the vCPUs paused: a fast path may be between its cmpxchg and its mark.
//
// With manual protection the harvest hands out a copy and leaves the log as it is: see clear-dirty-log.ts. With rings the
// bitmap has only what found no place in them: see reset-rings.ts.
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import {
  findSlot,
  type HvnRange,
  hvnToGfn,
  isLogged,
  type Memslot,
  readMemslots,
} from '../vm/memslots.ts';
import { REQ_EXIT, requestAllVcpus } from '../vm/vcpu-mode.ts';
import { clientBitmap, forEachLong, readBits, takeBits, tellClients } from './dirty-bitmap.ts';
import { pageProtector } from './page-protector.ts';

/**
 * Harvests slot `id`; how many pages were dirty. Afterwards each client's bitmap holds them, and the next store to any of
 * them faults, unless protection is manual. The slot need not be logged: then nothing is found (KVM: -ENOENT). Throws a
 * RangeError when there is no such slot.
 */
export function getDirtyLog(mem: Shared, vm: Vm, id: number): number {
  assertOutside(mem);
  mem.lock(vm.at.slots_lock);
  const pages: Hvn[] = [];
  try {
    const slot = findSlot(readMemslots(mem, vm, mem.load32(vm.at.memslots)), id);
    // Before the log is taken: what a vCPU still has in its buffer would be for the next harvest. Litmus: pml-drained-too-late.
    if (vm.pml) requestAllVcpus(mem, vm, REQ_EXIT);
    if (vm.manualDirtyLogProtect !== 'none') copyLog(mem, vm, slot, pages);
    else takeLog(mem, vm, slot, pages);
  } finally {
    mem.unlock(vm.at.slots_lock);
  }
  mem.emit?.({ event: 'get_dirty_log', slot: id, dirty: pages.length });
  return pages.length;
}

/** Takes a client's own record of slot `id`: what every harvest found since it last asked. Calls `visit` per page. */
export function takeDirty(
  mem: Shared,
  vm: Vm,
  slot: HvnRange,
  client: number,
  visit: (hvn: Hvn) => void,
): number {
  return takeBits(mem, clientBitmap(vm, client), slot, visit);
}

/** KVM: kvm_get_dirty_log_protect(). */
function takeLog(mem: Shared, vm: Vm, slot: Memslot, pages: Hvn[]): void {
  mem.writeLock(vm.at.mmu_lock);
  protectDirtyPages(mem, vm, slot, pages);
  mem.writeUnlock(vm.at.mmu_lock);
  // After mmu_lock, before returning: whoever needs "no CPU can write" keys on MMU_WRITABLE and flushes itself.
  // Always when a page was dirty, though its spte may have lost W to somebody whose flush is still to come.
  if (pages.length > 0) flushRemoteTlbs(mem, vm);
  // After the flush: a client that copied a page while a TLB still let stores through would not be told of them.
  tellClients(mem, vm, pages);
}

function protectDirtyPages(mem: Shared, vm: Vm, slot: Memslot, pages: Hvn[]): void {
  if (!isLogged(slot)) return;
  const protect = pageProtector(mem, vm, slot);
  forEachLong(slot, (long) => {
    // The word is emptied before its pages are protected: a fault between the two marks again, for the next harvest.
    // Litmus: b-1-protects-before-taking.
    const from = pages.length;
    takeBits(mem, vm.at.dirty_bitmap, long, (hvn) => pages.push(hvn));
    for (let n = from; n < pages.length; n++) protect(hvnToGfn(slot, pages[n] as Hvn));
  });
}

/** Takes nothing from the log, so that nobody has to be kept from writing: what is written later is still marked. */
function copyLog(mem: Shared, vm: Vm, slot: Memslot, pages: Hvn[]): void {
  if (!isLogged(slot)) return;
  readBits(mem, vm.at.dirty_bitmap, slot, (hvn) => pages.push(hvn));
  tellClients(mem, vm, pages);
}
