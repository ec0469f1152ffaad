// KVM_SET_USER_MEMORY_REGION: create a slot, move it, delete it, switch its dirty log on or off, under running vCPUs.
//
//   create   publish
//   move     publish it INVALID, zap what it maps, publish it in its new place
//   delete   publish it INVALID, zap what it maps, publish the others
//   flags    publish, then write-protect where logging begins
//
// What one publication makes a fault believe is withdrawn by the next only after every vCPU has been seen without it.
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Gfn } from '../address.ts';
import { setBits, takeBits } from '../dirty/dirty-bitmap.ts';
import { recoverHugePages, slotRemoveWriteAccess, zapMemslot } from '../legacy/memslot.ts';
import type { Vm } from '../memory-map.ts';
import { checkMemslot, checkNewFlags } from './check-memslot.ts';
import { flushRemoteTlbs } from './flush-remote-tlbs.ts';
import {
  findSlot,
  installMemslots,
  isLogged,
  isReadonly,
  KVM_MEMSLOT_INVALID,
  type Memslot,
  readMemslots,
} from './memslots.ts';
import { zapCollapsibleSptes } from './recover-huge-pages.ts';
import { trySplitHugePages } from './split-huge-page.ts';
import type { GfnRange } from './tdp-iter.ts';
import { protectRange } from './write-protect.ts';
import { inStretches } from './yield.ts';
import { zapRange } from './zap.ts';
import { zapAllFast } from './zap-all-fast.ts';

/** Adds a slot. Throws a RangeError that says what is wrong with it. */
export function createMemslot(mem: Shared, vm: Vm, slot: Memslot): void {
  withSlotsLocked(mem, vm, (slots) => {
    checkMemslot(vm, slots, slot);
    beginLog(mem, vm, slot);
    installMemslots(mem, vm, [...slots, slot]);
    // Nothing of it is mapped yet, so logging from the start has nothing to protect.
  });
}

/** Removes slot `id`: no vCPU reaches its memory any more, and tables that only it used are free. Blocks for grace periods. */
export function deleteMemslot(mem: Shared, vm: Vm, id: number): void {
  withSlotsLocked(mem, vm, (slots) => {
    const slot = findSlot(slots, id);
    const others = slots.filter((other) => other !== slot);
    invalidateMemslot(mem, vm, others, slot);
    installMemslots(mem, vm, others);
  });
}

/**
 * Moves slot `id`, with its memory, its flags and its log, to the guest frames from `baseGfn` on: it may overlap where it
 * was. Meanwhile faults at the old place wait, and the new one is no memory yet. Blocks for grace periods.
 */
export function moveMemslot(mem: Shared, vm: Vm, id: number, baseGfn: Gfn): void {
  withSlotsLocked(mem, vm, (slots) => {
    const slot = findSlot(slots, id);
    const others = slots.filter((other) => other !== slot);
    const moved = { ...slot, baseGfn };
    checkMemslot(vm, others, moved);
    if (slot.baseGfn === baseGfn) return;
    invalidateMemslot(mem, vm, others, slot);
    // The log stands by the VMM's pages, which stay: what was written at the old place is in it still. Nothing is mapped
    // at the new one, so that the next store there faults, and marks.
    installMemslots(mem, vm, [...others, moved]);
  });
}

/**
 * Sets the flags of slot `id`: KVM_MEM_LOG_DIRTY_PAGES comes and goes, KVM_MEM_READONLY stays as it was created. The log
 * belongs to all clients: what nobody has harvested when it is switched off is gone when it is switched on again.
 */
export function setMemslotFlags(mem: Shared, vm: Vm, id: number, flags: number): void {
  withSlotsLocked(mem, vm, (slots) => {
    const slot = findSlot(slots, id);
    checkNewFlags(slot, flags);
    const next = { ...slot, flags };
    const begins = isLogged(next) && !isLogged(slot);
    if (begins) beginLog(mem, vm, slot);
    installMemslots(
      mem,
      vm,
      slots.map((other) => (other === slot ? next : other)),
    );
    // Published first, and seen by every vCPU: a fault that still took the slot for unlogged would map W and mark nothing.
    // Of a read-only slot nothing is mapped W; and with all pages in the log already there is nothing to protect, or to
    // flush, before somebody clears them. KVM: kvm_mmu_slot_apply_flags().
    if (begins && !isReadonly(slot) && !isInitiallySet(vm)) startLogging(mem, vm, slot);
    // Published first here too: a fault that still took the slot for logged would split what was put together.
    if (isLogged(slot) && !isLogged(next)) stopLogging(mem, vm, next);
  });
}

/** Others who change slots wait; nobody sees the slot of a move or a deletion half-way but the faults in it. */
function withSlotsLocked(mem: Shared, vm: Vm, change: (slots: readonly Memslot[]) => void): void {
  assertOutside(mem);
  mem.lock(vm.at.slots_lock);
  try {
    change(readMemslots(mem, vm, mem.load32(vm.at.memslots)));
  } finally {
    mem.unlock(vm.at.slots_lock);
  }
}

/** Afterwards nothing of `slot` is mapped, and faults in it wait for the next publication. KVM: kvm_invalidate_memslot(). */
function invalidateMemslot(mem: Shared, vm: Vm, others: readonly Memslot[], slot: Memslot): void {
  // First invalid, and seen so by every vCPU: from here no fault maps it, so that what is zapped stays away.
  installMemslots(mem, vm, [...others, { ...slot, flags: slot.flags | KVM_MEMSLOT_INVALID }]);
  if (vm.slotZapAll) zapAllFast(mem, vm);
  else zapAlone(mem, vm, slot, gapAround(vm, others, slot));
}

/** KVM: kvm_arch_flush_shadow_memslot() without KVM_X86_QUIRK_SLOT_ZAP_ALL. */
function zapAlone(mem: Shared, vm: Vm, slot: Memslot, gap: GfnRange): void {
  if (vm.tdpMmuEnabled) zapRange(mem, vm, gap.start, gap.end);
  else zapMemslot(mem, vm, slot, gap);
}

/** KVM: kvm_mmu_slot_apply_flags(). */
function startLogging(mem: Shared, vm: Vm, slot: Memslot): void {
  if (vm.tdpMmuEnabled) startLoggingTdp(mem, vm, rangeOf(slot));
  else slotRemoveWriteAccess(mem, vm, slot);
  // Unconditionally: sptes may have lost W before without a flush.
  flushRemoteTlbs(mem, vm);
}

function startLoggingTdp(mem: Shared, vm: Vm, range: GfnRange): void {
  if (vm.maxLevel > 1 && vm.eagerPageSplit) {
    mem.readLock(vm.at.mmu_lock);
    trySplitHugePages(mem, vm, range);
    mem.readUnlock(vm.at.mmu_lock);
  }
  mem.writeLock(vm.at.mmu_lock);
  // Nothing is flushed before the lock is given up: whoever needs "no CPU can write" keys on MMU_WRITABLE.
  inStretches(mem, vm, range, (stretch) => {
    protectRange(mem, vm, stretch);
    return false;
  });
  mem.writeUnlock(vm.at.mmu_lock);
}

function stopLogging(mem: Shared, vm: Vm, slot: Memslot): void {
  if (vm.tdpMmuEnabled) zapCollapsibleSptes(mem, vm, slot);
  else recoverHugePages(mem, vm, slot);
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
