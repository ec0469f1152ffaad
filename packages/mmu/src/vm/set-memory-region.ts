// KVM_SET_USER_MEMORY_REGION: create a slot, delete it, switch its dirty log on or off, under running vCPUs.
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Gfn } from '../address.ts';
import { setBits, takeBits } from '../dirty/dirty-bitmap.ts';
import { MEMSLOTS, type Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from './flush-remote-tlbs.ts';
import {
  findSlot,
  installMemslots,
  isLogged,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEMSLOT_INVALID,
  type Memslot,
  readMemslots,
} from './memslots.ts';
import { zapCollapsibleSptes } from './recover-huge-pages.ts';
import { trySplitHugePages } from './split-huge-page.ts';
import type { GfnRange } from './tdp-iter.ts';
import { protectRange } from './write-protect.ts';
import { zapRange } from './zap.ts';

/** Adds a slot. Throws a RangeError that says what is wrong with it. */
export function createMemslot(mem: Shared, vm: Vm, slot: Memslot): void {
  assertOutside(mem);
  mem.lock(vm.at.slots_lock);
  try {
    const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
    checkMemslot(vm, slots, slot);
    beginLog(mem, vm, slot);
    installMemslots(mem, vm, [...slots, slot]);
    // Nothing of it is mapped yet, so logging from the start has nothing to protect.
  } finally {
    mem.unlock(vm.at.slots_lock);
  }
}

/** Removes slot `id`: nothing of it stays mapped, and tables that only it used are free. Blocks for grace periods. */
export function deleteMemslot(mem: Shared, vm: Vm, id: number): void {
  assertOutside(mem);
  mem.lock(vm.at.slots_lock);
  try {
    const slot = findSlot(mem, vm, id);
    const others = readMemslots(mem, vm, mem.load32(vm.at.memslots)).filter((s) => s.id !== id);
    // First invalid, and seen so by every vCPU: from here no fault maps it, so that what is zapped stays away.
    installMemslots(mem, vm, [...others, { ...slot, flags: slot.flags | KVM_MEMSLOT_INVALID }]);
    const { start, end } = gapAround(vm, others, slot);
    zapRange(mem, vm, start, end);
    installMemslots(mem, vm, others);
  } finally {
    mem.unlock(vm.at.slots_lock);
  }
}

/**
 * Sets the flags of slot `id` (KVM_MEM_LOG_DIRTY_PAGES or 0). The log belongs to all clients: what nobody has harvested
 * when it is switched off is gone when it is switched on again.
 */
export function setMemslotFlags(mem: Shared, vm: Vm, id: number, flags: number): void {
  assertOutside(mem);
  checkFlags(flags);
  mem.lock(vm.at.slots_lock);
  try {
    const slot = findSlot(mem, vm, id);
    const next = { ...slot, flags };
    if (isLogged(next) && !isLogged(slot)) beginLog(mem, vm, slot);
    const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
    installMemslots(
      mem,
      vm,
      slots.map((s) => (s.id === id ? next : s)),
    );
    // Published first, and seen by every vCPU: a fault that still took the slot for unlogged would map W and mark nothing.
    // With all pages in the log already there is nothing to protect, or to flush, before somebody clears them.
    if (isLogged(next) && !isLogged(slot) && !isInitiallySet(vm)) startLogging(mem, vm, slot);
    // Published first here too: a fault that still took the slot for logged would split what was put together.
    if (isLogged(slot) && !isLogged(next)) zapCollapsibleSptes(mem, vm, next);
  } finally {
    mem.unlock(vm.at.slots_lock);
  }
}

/** KVM: kvm_mmu_slot_apply_flags(). */
function startLogging(mem: Shared, vm: Vm, slot: Memslot): void {
  const range = rangeOf(slot);
  if (vm.maxLevel > 1 && vm.eagerPageSplit) {
    mem.readLock(vm.at.mmu_lock);
    trySplitHugePages(mem, vm, range);
    mem.readUnlock(vm.at.mmu_lock);
  }
  mem.writeLock(vm.at.mmu_lock);
  protectRange(mem, vm, range);
  mem.writeUnlock(vm.at.mmu_lock);
  // Unconditionally: sptes may have lost W before without a flush.
  flushRemoteTlbs(mem, vm);
}

const rangeOf = ({ baseGfn, npages }: Memslot): GfnRange => ({
  start: baseGfn,
  end: (baseGfn + npages) as Gfn,
});

/** From the end of the slot before to the beginning of the one after: nothing else is mapped there. */
function gapAround(vm: Vm, others: readonly Memslot[], { baseGfn }: Memslot): GfnRange {
  const ends = others.filter((s) => s.baseGfn < baseGfn).map((s) => s.baseGfn + s.npages);
  const bases = others.filter((s) => s.baseGfn > baseGfn).map((s) => s.baseGfn as number);
  return { start: Math.max(0, ...ends) as Gfn, end: Math.min(vm.gfnLimit, ...bases) as Gfn };
}

/**
 * Without the bits that were left when logging was last switched off, or a slot over the same memory deleted; or with all of
 * them. Before any fault knows that the slot is logged.
 */
function beginLog(mem: Shared, vm: Vm, slot: Memslot): void {
  if (isInitiallySet(vm)) setBits(mem, vm.at.dirty_bitmap, slot);
  else takeBits(mem, vm.at.dirty_bitmap, slot, () => {});
}

const isInitiallySet = (vm: Vm): boolean => vm.manualDirtyLogProtect === 'initially-set';

function checkFlags(flags: number): void {
  if ((flags & ~KVM_MEM_LOG_DIRTY_PAGES) === 0) return;
  throw new RangeError(`expected KVM_MEM_LOG_DIRTY_PAGES or no flag, got 0x${flags.toString(16)}`);
}

function checkMemslot(vm: Vm, slots: readonly Memslot[], slot: Memslot): void {
  const { id, baseGfn, npages, hvn } = slot;
  const range = `slot ${id}, gfn 0x${baseGfn.toString(16)} + ${npages} pages at host page ${hvn}`;
  const refuse = (expected: string): never => {
    throw new RangeError(`expected ${expected}, got ${range}`);
  };
  checkFlags(slot.flags);
  if (!(id >= 0 && id < MEMSLOTS)) refuse(`a slot id below ${MEMSLOTS}`);
  if (!(npages > 0)) refuse('at least one page');
  if (!(baseGfn >= 0 && baseGfn + npages <= vm.gfnLimit)) {
    refuse(`guest frames below 0x${vm.gfnLimit.toString(16)}`);
  }
  if (!(hvn >= 0 && hvn + npages <= vm.hostPages)) refuse(`host pages below ${vm.hostPages}`);
  for (const other of slots) {
    if (other.id === id) refuse(`a slot id that is not in use`);
    const apart = (a: number, b: number) => a + npages <= b || b + other.npages <= a;
    if (!apart(baseGfn, other.baseGfn)) refuse(`no overlap in the guest with slot ${other.id}`);
    if (!apart(hvn, other.hvn)) refuse(`no overlap in the host with slot ${other.id}`);
  }
}
