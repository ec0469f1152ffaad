// Dirty rings: a log per vCPU, as long as what was written and not as memory. KVM: virt/kvm/dirty_ring.c.
//
//   entry, 16 bytes:  flags | slot | offset in the slot | -          indices, per ring:  dirty | harvest | reset
//
//   flags    0 ---> DIRTY ---------------> RESET ----------------> 0
//            its vCPU,   harvestRings,            resetDirtyRings,
//            no lock     slots_lock               slots_lock
//
// The entries from `reset` up to `dirty` are in use. Whoever owns an entry by its flags may read it; by the indices it is
// free or not. What has no room in its ring, and what threads that are no vCPU mark, is in the bitmap: nothing is dropped.
import { makeRequest, type Shared } from '@faultline/atomics';
import type { Gfn } from '../address.ts';
import type { MmuEvent } from '../event.ts';
import { DIRTY_GFN_BYTES, DIRTY_RING_INDEX_BYTES, type Vm } from '../memory-map.ts';
import type { Memslot } from '../vm/memslots.ts';
import { KVM_REQ_DIRTY_RING_SOFT_FULL } from '../vm/vcpu-mode.ts';

export const KVM_DIRTY_GFN_F_DIRTY = 1;
export const KVM_DIRTY_GFN_F_RESET = 2;

const SLOT = 4;
const OFFSET = 8;
const HARVEST = 4;
const RESET = 8;

/** Entries that a vCPU may still fill on its way out. KVM: KVM_DIRTY_RING_RSVD_ENTRIES; less in the rings of a model. */
const RESERVED_ENTRIES = 64;

/** The three indices of a vCPU's ring. They count up for ever; an entry's place is what remains modulo the size. */
export const dirtyIndex = (vm: Vm, vcpu: number): number =>
  vm.at.dirty_ring_index + vcpu * DIRTY_RING_INDEX_BYTES;
export const harvestIndex = (vm: Vm, vcpu: number): number => dirtyIndex(vm, vcpu) + HARVEST;
export const resetIndex = (vm: Vm, vcpu: number): number => dirtyIndex(vm, vcpu) + RESET;

/** The address of an entry, which begins with its flags. */
export const dirtyGfnAt = (vm: Vm, vcpu: number, index: number): number =>
  vm.at.dirty_rings + (vcpu * vm.dirtyRing + (index & (vm.dirtyRing - 1))) * DIRTY_GFN_BYTES;
export const dirtyGfnSlot = (mem: Shared, entry: number): number => mem.load32(entry + SLOT);
export const dirtyGfnOffset = (mem: Shared, entry: number): number =>
  mem.load32(entry + OFFSET) >>> 0;

const softLimit = ({ dirtyRing }: Vm): number =>
  dirtyRing - Math.min(RESERVED_ENTRIES, dirtyRing >> 1);

/** Notes a written page in the ring of the vCPU whose thread this is; false where that cannot be. Of a VM with rings. */
export function dirtyRingPush(mem: Shared, vm: Vm, slot: Memslot, gfn: Gfn): boolean {
  const vcpu = mem.thread;
  if (vcpu >= vm.vcpus) return false;
  const dirty = mem.load32(dirtyIndex(vm, vcpu));
  const reset = mem.load32(resetIndex(vm, vcpu));
  const used = (dirty - reset) | 0;
  if (used >= vm.dirtyRing) return false;
  const entry = dirtyGfnAt(vm, vcpu, dirty);
  const offset = gfn - slot.baseGfn;
  // The flag last: who sees it reads the rest. With the flag first a harvest finds what the entry held a lap ago. Litmus:
  // ring-flag-before-gfn.
  mem.storePlain32(entry + SLOT, slot.id);
  mem.storePlain32(entry + OFFSET, offset);
  mem.store32(entry, KVM_DIRTY_GFN_F_DIRTY);
  mem.store32(dirtyIndex(vm, vcpu), (dirty + 1) | 0);
  if (mem.emit !== undefined) tracePush(mem, { index: vcpu, dirty, reset, slot: slot.id, offset });
  if (used + 1 >= softLimit(vm)) makeRequest(mem, vcpu, KVM_REQ_DIRTY_RING_SOFT_FULL);
  return true;
}

interface Push {
  readonly index: number;
  readonly dirty: number;
  readonly reset: number;
  readonly slot: number;
  readonly offset: number;
}

function tracePush(mem: Shared, { index, dirty, reset, slot, offset }: Push): void {
  mem.emit?.({
    event: 'kvm_dirty_ring_push',
    index,
    dirty_index: (dirty + 1) | 0,
    reset_index: reset,
    slot,
    offset,
  } satisfies MmuEvent);
}

/** Has the ring so little room left that its vCPU leaves the guest? KVM: kvm_dirty_ring_soft_full(). */
export function isDirtyRingSoftFull(mem: Shared, vm: Vm, vcpu: number): boolean {
  const used = mem.load32(dirtyIndex(vm, vcpu)) - mem.load32(resetIndex(vm, vcpu));
  return (used | 0) >= softLimit(vm);
}

/** Blocks until the ring of this vCPU has room. The vCPU is outside: whoever resets the rings waits for it in flushes. */
export function waitForReset(mem: Shared, vm: Vm, vcpu: number): void {
  for (;;) {
    // The sleep is on the very value that was judged: a reset between the two wakes nobody. Litmus: ring-sleeps-too-late.
    const reset = mem.load32(resetIndex(vm, vcpu));
    if (((mem.load32(dirtyIndex(vm, vcpu)) - reset) | 0) < softLimit(vm)) return;
    mem.waitWhile(resetIndex(vm, vcpu), reset);
  }
}
