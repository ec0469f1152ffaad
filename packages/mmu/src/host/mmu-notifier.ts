// The host tells the MMU before it takes rights to its pages away, and after.
//
//   host                                     | fault (slow path)
//   start: in_progress++, zap, flush         | seq read
//   change host pte                          | host pte read
//   end: seq++, in_progress--                | mmu_lock: in progress for this gfn, or seq moved? then give up
//
// Between start and end nobody can map the range again, and after start no vCPU uses what was mapped: so the host may
// rely on its change. The fast path needs none of it: start changes the very word that it compares.
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Gfn, Hvn } from '../address.ts';
import { hvnToHva } from '../address.ts';
import { zapRmapRange } from '../legacy/rmap-range.ts';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { type HvnRange, hvnToGfn, type Memslot, readMemslots } from '../vm/memslots.ts';
import type { GfnRange } from '../vm/tdp-iter.ts';
import { inStretches } from '../vm/yield.ts';
import { zapLeafs } from '../vm/zap.ts';

/**
 * Before the host changes pages among the `count` from `hvn` on: those of `withdrawn`, or all. Nobody maps any of the range
 * until the end; only what is withdrawn is zapped. The caller holds no lock. KVM: invalidate_range_start, which zaps all.
 */
export function invalidateRangeStart(
  mem: Shared,
  vm: Vm,
  hvn: Hvn,
  count: number,
  withdrawn: readonly HvnRange[] = [{ hvn, npages: count }],
): void {
  assertOutside(mem);
  mem.emit?.({
    event: 'kvm_unmap_hva_range',
    start: hvnToHva(hvn),
    end: hvnToHva((hvn + count) as Hvn),
  });
  holdMemslots(mem, vm); // until the end, which has to find the same ones
  const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
  mem.writeLock(vm.at.mmu_lock);
  let flush = false;
  for (const range of gfnRanges(slots, hvn, count)) invalidateBegin(mem, vm, range);
  for (const part of withdrawn) {
    for (const range of gfnRanges(slots, part.hvn, part.npages)) {
      flush = unmapGfnRange(mem, vm, range, flush);
    }
  }
  // Under the lock: when it is released, no TLB may hold what the sptes do not. Litmus: b15-flush-after-unlock.
  if (flush) flushRemoteTlbs(mem, vm);
  mem.writeUnlock(vm.at.mmu_lock);
}

/** After the host has changed them. KVM: invalidate_range_end. */
export function invalidateRangeEnd(mem: Shared, vm: Vm, hvn: Hvn, count: number): void {
  const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
  mem.writeLock(vm.at.mmu_lock);
  for (const _ of gfnRanges(slots, hvn, count)) {
    // Sequence first: a fault that finds nothing in progress must see that something was.
    mem.add32(vm.at.mmu_invalidate_seq, 1);
    mem.add32(vm.at.mmu_invalidate_in_progress, -1);
  }
  mem.writeUnlock(vm.at.mmu_lock);
  mem.notify(vm.at.mmu_invalidate_in_progress);
  releaseMemslots(mem, vm);
}

/** Keeps the memslots as they are. */
export function holdMemslots(mem: Shared, vm: Vm): void {
  mem.lock(vm.at.mn_invalidate_lock);
  mem.add32(vm.at.mn_active_invalidate_count, 1);
  mem.unlock(vm.at.mn_invalidate_lock);
}

export function releaseMemslots(mem: Shared, vm: Vm): void {
  mem.lock(vm.at.mn_invalidate_lock);
  if (mem.add32(vm.at.mn_active_invalidate_count, -1) === 1) {
    mem.notify(vm.at.mn_active_invalidate_count);
  }
  mem.unlock(vm.at.mn_invalidate_lock);
}

/**
 * mmu_lock held for writing; whether a flush is owed, with what was owed before. In the TDP MMU the lock is given up in
 * between: nobody maps the range, of which the count says that it is being withdrawn. KVM: kvm_unmap_gfn_range().
 */
const unmapGfnRange = (mem: Shared, vm: Vm, range: SlotRange, flush: boolean): boolean =>
  vm.tdpMmuEnabled
    ? inStretches(mem, vm, range, (stretch) => zapLeafs(mem, vm, stretch), flush)
    : zapRmapRange(mem, vm, range) || flush;

/** The same pages of a slot by both their names. */
export interface SlotRange extends GfnRange, HvnRange {}

/** The guest frames behind `count` host pages from `hvn` on. */
export function* gfnRanges(
  slots: readonly Memslot[],
  hvn: Hvn,
  count: number,
): Iterable<SlotRange> {
  for (const slot of slots) {
    const start = Math.max(hvn, slot.hvn);
    const end = Math.min(hvn + count, slot.hvn + slot.npages);
    if (start < end) {
      yield {
        start: hvnToGfn(slot, start as Hvn),
        end: hvnToGfn(slot, end as Hvn),
        hvn: start as Hvn,
        npages: end - start,
      };
    }
  }
}

/** mmu_lock held for writing. One covering range for all that are open, as KVM keeps it. */
function invalidateBegin(mem: Shared, vm: Vm, { start, end }: GfnRange): void {
  const first = mem.add32(vm.at.mmu_invalidate_in_progress, 1) === 0;
  const at = vm.at.mmu_invalidate_range;
  if (first || start < mem.load32(at) >>> 0) mem.store32(at, start);
  if (first || end > mem.load32(at + 4) >>> 0) mem.store32(at + 4, end);
}

/** Is `gfn` being withdrawn now? Exact with mmu_lock held, a hint without. */
export function isInvalidating(mem: Shared, vm: Vm, gfn: Gfn): boolean {
  if (mem.load32(vm.at.mmu_invalidate_in_progress) === 0) return false;
  const at = vm.at.mmu_invalidate_range;
  return gfn >= mem.load32(at) >>> 0 && gfn < mem.load32(at + 4) >>> 0;
}
