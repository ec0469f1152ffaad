// Which guest frames exist, and where in the VMM's memory they lie. Two arrays of slots: readers use the one that the
// `memslots` word names, writers (slots_lock held) fill the other, publish it, and wait until nobody uses the old one.
//
//   memslots = generation | update in progress                 a slot: base_gfn | npages | hvn | flags and id
//              31 ... 1     0
//
//   n | 0   the slots of generation n
//   n | 1   the next slots, published while somebody may still use those of n: no decision is kept that was made now
//   n+1| 0  the next slots, used by all
//
// The generation counts up after the grace period, not at the publication: a vCPU that still decides by the slots of n
// finds n when it asks of what generation its decision is, and not the next one, in which it would look current.
//
// KVM: struct kvm_memslots, SRCU; the flag has been bit 63 since 2019, and was this one before. A reader here is a vCPU in a
// read section; one that was outside in the middle of a fault compares the generation again (isPageFaultStale), which
// stands for KVM's longer SRCU section.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Hvn } from '../address.ts';
import { MEMSLOT_WORDS, MEMSLOTS, type Vm } from '../memory-map.ts';
import { MMIO_SPTE_GEN_MASK } from '../spte/mmio-spte.ts';
import { zapAllFast } from './zap-all-fast.ts';

export const KVM_MEM_LOG_DIRTY_PAGES = 1;
/** The guest may read it; its stores go to the VMM, as to a device. A ROM. */
export const KVM_MEM_READONLY = 2;
/** The slot is about to go: no fault may map it any more. */
export const KVM_MEMSLOT_INVALID: number = 1 << 16;
const ID_SHIFT = 20;
const FLAGS_MASK = (1 << ID_SHIFT) - 1;

export interface Memslot {
  /** 0 to 31. */
  readonly id: number;
  readonly baseGfn: Gfn;
  readonly npages: number;
  /** First page of the VMM's memory behind it. KVM: userspace_addr. */
  readonly hvn: Hvn;
  readonly flags: number;
}

/** Pages of the VMM's memory: a memslot is one such range. */
export type HvnRange = Pick<Memslot, 'hvn' | 'npages'>;

/** A thread's private copy of the slots. */
export interface MemslotCache {
  /** The word `memslots` as the copy was made; -1 when it has to be made anew. */
  generation: number;
  slots: readonly Memslot[];
  last: Memslot | undefined;
}

export const newMemslotCache = (): MemslotCache => ({ generation: -1, slots: [], last: undefined });

/** Bit of the word `memslots`. */
export const KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS = 1;

/** Counts publications: the same for a generation and for the update that led to it. */
const publication = (generation: number): number => (generation + 1) >>> 1;
/** Do two values of the word `memslots` name the same slots? */
export const isSameMemslots = (one: number, other: number): boolean =>
  publication(one) === publication(other);

const slotAt = (vm: Vm, generation: number, index: number): number =>
  vm.at.memslot_arrays + ((publication(generation) & 1) * MEMSLOTS + index) * MEMSLOT_WORDS * 4;

export const isLogged = (slot: Memslot | undefined): boolean =>
  slot !== undefined && (slot.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;
export const isReadonly = (slot: Memslot): boolean => (slot.flags & KVM_MEM_READONLY) !== 0;
export const gfnToHvn = (slot: Memslot, gfn: Gfn): Hvn => (slot.hvn + (gfn - slot.baseGfn)) as Hvn;
export const hvnToGfn = (slot: Memslot, hvn: Hvn): Gfn => (slot.baseGfn + (hvn - slot.hvn)) as Gfn;
const holds = (slot: Memslot, gfn: Gfn): boolean =>
  gfn >= slot.baseGfn && gfn < slot.baseGfn + slot.npages;

/** The slots that a value of the word `memslots` names. In a read section, with slots_lock held, or with an invalidation under way. */
export function readMemslots(mem: Shared, vm: Vm, generation: number): Memslot[] {
  const slots: Memslot[] = [];
  for (let index = 0; index < MEMSLOTS; index++) {
    const at = slotAt(vm, generation, index);
    const npages = mem.load32(at + 4) >>> 0;
    if (npages === 0) continue;
    const word = mem.load32(at + 12);
    slots.push({
      id: word >>> ID_SHIFT,
      baseGfn: (mem.load32(at) >>> 0) as Gfn,
      npages,
      hvn: (mem.load32(at + 8) >>> 0) as Hvn,
      flags: word & FLAGS_MASK,
    });
  }
  return slots;
}

/** The one of `slots` with `id`. */
export function findSlot(slots: readonly Memslot[], id: number): Memslot {
  const slot = slots.find((candidate) => candidate.id === id);
  if (slot !== undefined) return slot;
  const ids = slots.map((candidate) => candidate.id).join(', ') || 'none';
  throw new RangeError(`expected a memslot, got id ${id}; there are: ${ids}`);
}

/**
 * The slot that holds `gfn`, by this thread's copy. In a read section. The copy is good until the thread serves a request
 * to pass a quiescent point: whoever replaces the slots waits for just that (`forgetMemslots`).
 */
export function gfnToMemslot(
  mem: Shared,
  vm: Vm,
  cache: MemslotCache,
  gfn: Gfn,
): Memslot | undefined {
  const { last } = cache;
  if (last !== undefined && holds(last, gfn)) return last;
  return findMemslot(mem, vm, cache, gfn);
}

function findMemslot(mem: Shared, vm: Vm, cache: MemslotCache, gfn: Gfn): Memslot | undefined {
  if (cache.generation === -1) {
    cache.generation = mem.load32(vm.at.memslots);
    cache.slots = readMemslots(mem, vm, cache.generation);
  }
  cache.last = cache.slots.find((slot) => holds(slot, gfn));
  return cache.last;
}

/** What an MMIO spte keeps of a value of the word `memslots`. */
export const mmioGeneration = (generation: number): number =>
  (generation >>> 1) & MMIO_SPTE_GEN_MASK;

export const isUpdateInProgress = (generation: number): boolean =>
  (generation & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS) !== 0;

/** The slots may have changed: what follows reads them anew. */
export function forgetMemslots(cache: MemslotCache): void {
  cache.generation = -1;
  cache.last = undefined;
}

/**
 * Replaces the slots by `slots` and returns when no vCPU uses the old ones. slots_lock held.
 * KVM: kvm_swap_active_memslots().
 */
export function installMemslots(mem: Shared, vm: Vm, slots: readonly Memslot[]): void {
  const generation = mem.load32(vm.at.memslots) | KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
  for (let index = 0; index < MEMSLOTS; index++) {
    const slot = slots[index];
    const at = slotAt(vm, generation, index);
    mem.store32(at, slot?.baseGfn ?? 0);
    mem.store32(at + 4, slot?.npages ?? 0);
    mem.store32(at + 8, slot?.hvn ?? 0);
    mem.store32(at + 12, slot === undefined ? 0 : (slot.id << ID_SHIFT) | slot.flags);
  }
  // An invalidation must see the same slots at its start and at its end.
  mem.lock(vm.at.mn_invalidate_lock);
  while (mem.load32(vm.at.mn_active_invalidate_count) !== 0) {
    mem.unlock(vm.at.mn_invalidate_lock);
    mem.waitUntil(vm.at.mn_active_invalidate_count, -1, 0);
    mem.lock(vm.at.mn_invalidate_lock);
  }
  mem.store32(vm.at.memslots, generation);
  mem.notify(vm.at.memslots);
  mem.unlock(vm.at.mn_invalidate_lock);
  mem.synchronize();
  const next = (generation + 1) | 0;
  // An MMIO spte has room for 19 bits: when they begin anew, what is left of the round before would count again. Faults
  // leave none between this and the next store, since an update is in progress. KVM: kvm_mmu_invalidate_mmio_sptes().
  if (mmioGeneration(next) === 0) zapAllFast(mem, vm);
  // Only now: see above. Nobody sleeps until this, so nobody is woken.
  mem.store32(vm.at.memslots, next);
}
