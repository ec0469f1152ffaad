// Reading the dirty rings: harvest what vCPUs have pushed, then reset it, which write-protects the pages and gives the entries
// back. A page may be read only after the reset: what is written between is then in the copy, or pushed again.
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Gfn, Hvn } from '../address.ts';
import type { MmuEvent } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { gfnToHvn, isLogged, type Memslot, readMemslots } from '../vm/memslots.ts';
import { tellClients } from './dirty-bitmap.ts';
import {
  dirtyGfnAt,
  dirtyGfnOffset,
  dirtyGfnSlot,
  dirtyIndex,
  harvestIndex,
  KVM_DIRTY_GFN_F_DIRTY,
  KVM_DIRTY_GFN_F_RESET,
  resetIndex,
} from './dirty-ring.ts';
import { pageProtector } from './page-protector.ts';

/** What an entry names: a slot's id and a page within the slot. */
export type DirtyGfnVisitor = (slot: number, offset: number) => void;

/**
 * Takes what every vCPU has pushed, ring by ring, in order; how many entries. The clients learn of it by the reset that has
 * to follow. With vCPUs running there may be more the next moment. KVM: what its user space does with the mapped rings.
 */
export function harvestRings(mem: Shared, vm: Vm, visit?: DirtyGfnVisitor): number {
  assertOutside(mem);
  let count = 0;
  if (vm.dirtyRing === 0) return count;
  mem.lock(vm.at.slots_lock);
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) {
    const first = mem.load32(harvestIndex(vm, vcpu));
    let index = first;
    // It ends: after a lap it meets its own RESET, and nobody resets while slots_lock is held.
    for (;;) {
      const entry = dirtyGfnAt(vm, vcpu, index);
      if (mem.load32(entry) !== KVM_DIRTY_GFN_F_DIRTY) break;
      visit?.(dirtyGfnSlot(mem, entry), dirtyGfnOffset(mem, entry));
      mem.store32(entry, KVM_DIRTY_GFN_F_RESET);
      index = (index + 1) | 0;
    }
    if (index !== first) mem.store32(harvestIndex(vm, vcpu), index);
    count += (index - first) | 0;
  }
  mem.unlock(vm.at.slots_lock);
  return count;
}

/**
 * Write-protects the pages of all harvested entries, tells every client, and gives the entries back; how many. Entries of a
 * slot that has gone, or is not logged any more, are only given back. KVM: KVM_RESET_DIRTY_RINGS.
 */
export function resetDirtyRings(mem: Shared, vm: Vm): number {
  assertOutside(mem);
  if (vm.dirtyRing === 0) return 0;
  mem.lock(vm.at.slots_lock);
  const gfns = new DirtyGfns(mem, vm);
  const ends: number[] = [];
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) ends.push(takeRing(mem, vm, vcpu, gfns));
  const { pages } = gfns;
  // After mmu_lock, and before any page is read: see getDirtyLog.
  if (pages.length > 0) flushRemoteTlbs(mem, vm);
  tellClients(mem, vm, pages);
  let count = 0;
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) {
    count += giveBack(mem, vm, vcpu, ends[vcpu] as number);
  }
  mem.unlock(vm.at.slots_lock);
  return count;
}

/** Reads the harvested entries of a ring, clears their flags and protects their pages; the first that is not harvested. */
function takeRing(mem: Shared, vm: Vm, vcpu: number, gfns: DirtyGfns): number {
  let index = mem.load32(resetIndex(vm, vcpu));
  for (;;) {
    const entry = dirtyGfnAt(vm, vcpu, index);
    if (mem.load32(entry) !== KVM_DIRTY_GFN_F_RESET) break;
    const id = dirtyGfnSlot(mem, entry);
    const offset = dirtyGfnOffset(mem, entry);
    mem.store32(entry, 0);
    gfns.add(id, offset);
    index = (index + 1) | 0;
  }
  gfns.protect();
  return index;
}

/**
 * Lets the vCPU have the entries up to `index` again. After they were read, and their flags cleared: given back before, an
 * entry could be the next lap's when it is read. Litmus: b24-reads-the-next-lap.
 */
function giveBack(mem: Shared, vm: Vm, vcpu: number, index: number): number {
  const reset = mem.load32(resetIndex(vm, vcpu));
  if (index !== reset) {
    mem.store32(resetIndex(vm, vcpu), index);
    mem.notify(resetIndex(vm, vcpu));
  }
  mem.emit?.({
    event: 'kvm_dirty_ring_reset',
    index: vcpu,
    dirty_index: mem.load32(dirtyIndex(vm, vcpu)),
    reset_index: index,
  } satisfies MmuEvent);
  return (index - reset) | 0;
}

/** KVM: BITS_PER_LONG. So many pages of a slot that follow each other in a ring are protected at once, if they lie so close. */
const BITS_PER_LONG = 64;

/** Entries of a ring that lie close together, and all pages that were protected. KVM: kvm_dirty_ring_reset(). */
class DirtyGfns {
  readonly pages: Hvn[] = [];
  readonly #mem: Shared;
  readonly #vm: Vm;
  readonly #slots: ReadonlyMap<number, Memslot>;
  #id = -1;
  #low = 0;
  #high = 0;
  readonly #offsets = new Set<number>();

  constructor(mem: Shared, vm: Vm) {
    const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
    this.#mem = mem;
    this.#vm = vm;
    this.#slots = new Map(slots.filter(isLogged).map((slot) => [slot.id, slot]));
  }

  add(id: number, offset: number): void {
    const low = Math.min(this.#low, offset);
    const high = Math.max(this.#high, offset);
    if (this.#offsets.size > 0 && id === this.#id && high - low < BITS_PER_LONG) {
      this.#low = low;
      this.#high = high;
    } else {
      this.protect();
      this.#id = id;
      this.#low = offset;
      this.#high = offset;
    }
    this.#offsets.add(offset);
  }

  /** Write-protects what was added since the last time. KVM: kvm_reset_dirty_gfn(). */
  protect(): void {
    const slot = this.#slots.get(this.#id);
    const offsets = [...this.#offsets].sort((a, b) => a - b);
    this.#offsets.clear();
    if (slot === undefined || offsets.length === 0) return;
    const { at } = this.#vm;
    this.#mem.writeLock(at.mmu_lock);
    const protect = pageProtector(this.#mem, this.#vm, slot);
    for (const offset of offsets) {
      if (offset >= slot.npages) break;
      const gfn = (slot.baseGfn + offset) as Gfn;
      protect(gfn);
      this.pages.push(gfnToHvn(slot, gfn));
    }
    this.#mem.writeUnlock(at.mmu_lock);
  }
}
