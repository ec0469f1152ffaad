// Taking mappings away: one leaf at a time for the host's notifiers, whole tables when a memslot goes alone. When all goes:
// zap-all-fast.ts.
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry, type Sptep } from '../address.ts';
import type { Spte } from '../event.ts';
import { tellHostPage } from '../host/page-flags.ts';
import type { Vm } from '../memory-map.ts';
import {
  FROZEN_SPTE,
  isFrozen,
  isLastSpte,
  isMmioSpte,
  isShadowPresent,
  SHADOW_NONPRESENT,
} from '../spte/spte.ts';
import {
  type Entry,
  owesFlush,
  setSpteAtomic,
  traceChange,
  writeSpte,
} from '../spte/update-spte.ts';
import { childTable, entryAt } from '../spte/walk.ts';
import { flushRemoteTlbs } from './flush-remote-tlbs.ts';
import { invalidRoot, validRoot } from './roots.ts';
import { forEachLeaf, type GfnRange } from './tdp-iter.ts';

/**
 * Zaps the leaves of `range`, large ones whole; whether a flush is owed. mmu_lock held for writing. Of the invalid root too:
 * until it is zapped its leaves know what the host is not told yet, that a page was written. No vCPU uses it, so for that no
 * flush is owed. Litmus: b25-skips-the-invalid-root. KVM: kvm_tdp_mmu_unmap_gfn_range(), all roots.
 */
export function zapLeafs(mem: Shared, vm: Vm, range: GfnRange): boolean {
  zapLeafsOf(mem, vm, invalidRoot(mem, vm), range);
  return zapLeafsOf(mem, vm, validRoot(mem, vm), range);
}

/** Of one root. KVM: tdp_mmu_zap_leafs(). */
export function zapLeafsOf(mem: Shared, vm: Vm, root: Sptep, range: GfnRange): boolean {
  let flush = false;
  const zap = (entry: Entry, seen: Spte): void => {
    const old = writeSpte(mem, entry, seen, SHADOW_NONPRESENT);
    tellHostPage(mem, vm, entry, old);
    flush = owesFlush(old, SHADOW_NONPRESENT) || flush;
  };
  forEachLeaf(mem, vm, range, zap, root);
  return flush;
}

/**
 * Unmaps [start, end) with mmu_lock held for reading, beside faults of other ranges, and frees the tables that lie in it
 * wholly. The caller has made sure that no new fault maps the range (its slot is invalid); faults beside the slot may still leave
 * MMIO sptes there, which stay, or go with their table. Blocks for a grace period.
 * KVM: kvm_mmu_zap_memslot(), which leaves the tables where they are.
 */
export function zapRange(mem: Shared, vm: Vm, start: Gfn, end: Gfn): void {
  const removed: number[] = [];
  mem.readLock(vm.at.mmu_lock);
  const zapped = zapTable(
    mem,
    vm,
    { table: validRoot(mem, vm), level: vm.geometry.levels, start, end },
    removed,
  );
  if (zapped) flushRemoteTlbs(mem, vm);
  mem.readUnlock(vm.at.mmu_lock);
  freeTables(mem, removed);
}

/** Frees tables that no entry leads to any more, once nobody can still be in them. The caller holds no lock. */
export function freeTables(mem: Shared, tables: readonly number[]): void {
  if (tables.length === 0) return;
  mem.synchronize();
  for (const table of tables) mem.free(table);
}

interface Span {
  readonly table: number;
  readonly level: number;
  readonly start: Gfn;
  readonly end: Gfn;
}

/** Whether any leaf was zapped without a flush. */
function zapTable(mem: Shared, vm: Vm, span: Span, removed: number[]): boolean {
  const { table, level, start, end } = span;
  const pages = pagesPerEntry(level, vm.geometry.indexBits);
  let zapped = false;
  const limit = Math.min(end, vm.gfnLimit);
  for (let gfn = Math.floor(start / pages) * pages; gfn < limit; gfn += pages) {
    const entry = { sptep: entryAt(vm, table, gfn as Gfn, level), gfn: gfn as Gfn, level };
    const old = { low: mem.load64(entry.sptep), high: mem.high };
    if (!isShadowPresent(old.low)) continue;
    if (isLastSpte(old.low, level)) {
      zapped = zapLeafAtomic(mem, vm, entry, old) || zapped;
    } else if (gfn >= start && gfn + pages <= end) {
      // Nobody else replaces it: slots_lock keeps zappers apart, and faults of this range map nothing any more.
      if (!removeTable(mem, vm, entry, old, removed)) {
        throw new Error(
          `expected the non-leaf spte of gfn 0x${gfn.toString(16)} to stay as it was`,
        );
      }
    } else {
      const child = childTable(vm, old.low);
      const within = {
        table: child,
        level: level - 1,
        start: Math.max(start, gfn) as Gfn,
        end: Math.min(end, gfn + pages) as Gfn,
      };
      zapped = zapTable(mem, vm, within, removed) || zapped;
    }
  }
  return zapped;
}

/** Neither memory nor an MMIO spte, nor a table. */
export const isEmpty = ({ low, high }: Spte): boolean =>
  !isShadowPresent(low) && !isMmioSpte(low, high);

/** Whether it was there to be zapped. mmu_lock held for reading at least. */
export function zapLeafAtomic(mem: Shared, vm: Vm, entry: Entry, seen: Spte): boolean {
  let old = seen;
  while (!setSpteAtomic(mem, entry, old, SHADOW_NONPRESENT)) {
    old = { low: mem.low, high: mem.high }; // the fast path set W, or hardware A or D: take that value instead
    if (!isShadowPresent(old.low)) return false;
  }
  tellHostPage(mem, vm, entry, old);
  return true;
}

/**
 * Unlinks the table that `old` leads to; false when somebody else has replaced it. mmu_lock held for reading at least.
 * KVM: tdp_mmu_zap_spte_atomic() on a non-leaf.
 */
export function removeTable(
  mem: Shared,
  vm: Vm,
  entry: Entry,
  old: Spte,
  removed: number[],
): boolean {
  if (!mem.cmpxchg64(entry.sptep, old.low, old.high, FROZEN_SPTE.low, FROZEN_SPTE.high)) {
    return false;
  }
  // Before the children are taken apart: no TLB may fill from them any more, no fault reach them.
  flushRemoteTlbs(mem, vm);
  mem.store64(entry.sptep, SHADOW_NONPRESENT.low, SHADOW_NONPRESENT.high);
  traceChange(mem, entry, old, SHADOW_NONPRESENT); // once, as KVM tells it
  handleRemovedTable(mem, vm, childTable(vm, old.low), entry, removed);
  return true;
}

/**
 * Freezes every entry, so that a fault which still holds a pointer into the table cannot map through it; adds it, and
 * the tables under it, to `removed`.
 */
export function handleRemovedTable(
  mem: Shared,
  vm: Vm,
  table: number,
  { gfn: base, level: above }: Entry,
  removed: number[],
): void {
  const level = above - 1;
  const pages = pagesPerEntry(level, vm.geometry.indexBits);
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const gfn = (base + index * pages) as Gfn;
    const entry = { sptep: entryAt(vm, table, gfn, level), gfn, level };
    // Unconditional: the fast path may set W in a leaf that it found before; an exchange says what it replaced.
    const low = mem.xchg64(entry.sptep, FROZEN_SPTE.low, FROZEN_SPTE.high);
    const old = { low, high: mem.high };
    if (isFrozen(old.low, old.high)) continue;
    traceChange(mem, entry, old, FROZEN_SPTE);
    if (isShadowPresent(old.low) && !isLastSpte(old.low, level)) {
      handleRemovedTable(mem, vm, childTable(vm, old.low), entry, removed);
    } else tellHostPage(mem, vm, entry, old);
  }
  removed.push(table);
}
