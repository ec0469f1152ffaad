// Taking tables away. Unlinked under mmu_lock, they are freed under it too, after a flush: no grace period. The flush waits
// for every vCPU that is in the guest, whose hardware walks, or that says READING_SHADOW_PAGE_TABLES, and walks itself.
//
//   zapper                                 | vCPU, fast path
//   entry above := non-present             |
//   requests |= FLUSH                      | mode := READING
//   mode OUTSIDE? done                     | requests? none: walk
//   else wait until it has changed         | cmpxchg, mark; mode := OUTSIDE
//   free                                   |
//
// KVM: kvm_mmu_prepare_zap_page(), kvm_mmu_commit_zap_page().
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry } from '../address.ts';
import type { Spte } from '../event.ts';
import { tellHostPage } from '../host/page-flags.ts';
import type { Vm } from '../memory-map.ts';
import { isLastSpte, isShadowPresent, leadsToTable, SHADOW_NONPRESENT } from '../spte/spte.ts';
import { childTable, tableFrame } from '../spte/walk.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { initRoot, invalidRoot } from '../vm/roots.ts';
import type { GfnRange } from '../vm/tdp-iter.ts';
import { loadSpte, mmuSpteClearTrackBits, mmuSpteSet, type Place } from './mmu-spte.ts';
import { rmapRemove } from './rmap.ts';
import { forgetShadowPage, shadowPage } from './shadow-page.ts';

/** Zaps a leaf and takes it out of its rmap; answers what was there. KVM: drop_spte(). */
export function dropSpte(mem: Shared, vm: Vm, place: Place, seen: Spte): Spte {
  const old = mmuSpteClearTrackBits(mem, place, seen);
  tellHostPage(mem, vm, place, old);
  rmapRemove(mem, vm, place.sptep);
  return old;
}

/** Unlinks a table and all below it, and adds them to `invalid`, to be committed before mmu_lock is let go. */
export function prepareZapPage(mem: Shared, vm: Vm, table: number, invalid: number[]): void {
  const { level, parent } = shadowPage(mem, vm, tableFrame(vm, table));
  unlinkChildren(mem, vm, table, level, invalid);
  mmuSpteSet(mem, parent, SHADOW_NONPRESENT);
  forgetShadowPage(mem, vm, table);
  invalid.push(table);
}

/** KVM: kvm_mmu_page_unlink_children(). */
function unlinkChildren(
  mem: Shared,
  vm: Vm,
  table: number,
  level: number,
  invalid: number[],
): void {
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const sptep = (table + (index << 3)) as Place['sptep'];
    const seen = loadSpte(mem, sptep);
    if (!isShadowPresent(seen.low)) continue; // an MMIO spte goes with its table
    if (isLastSpte(seen.low, level)) dropSpte(mem, vm, { sptep, level }, seen);
    else prepareZapPage(mem, vm, childTable(vm, seen.low), invalid);
  }
}

/** Frees what was unlinked. The caller holds mmu_lock, and is the only vCPU that may be READING for as long as it takes. */
export function commitZapPage(mem: Shared, vm: Vm, invalid: number[]): void {
  if (invalid.length === 0) return;
  // Before, never after: hardware, or a fast path, may be in one of them. Litmus: lockless-walk-frees-before-flush.
  flushRemoteTlbs(mem, vm);
  freePages(mem, invalid);
}

function freePages(mem: Shared, invalid: number[]): void {
  for (const table of invalid.splice(0)) mem.free(table);
}

/** KVM: BATCH_ZAP_PAGES. So many tables, then others get mmu_lock. */
const BATCH_ZAP_PAGES = 10;

/**
 * Zaps the tables that lie in [start, end) wholly. The caller holds slots_lock alone, and nothing is mapped there by faults
 * any more. What is unlinked is flushed before others get the lock: no rmap leads to it, so that a notifier would not find it.
 */
export function zapPagesOf(mem: Shared, vm: Vm, { start, end }: GfnRange): void {
  const invalid: number[] = [];
  mem.writeLock(vm.at.mmu_lock);
  for (let frame = 0; frame < vm.tableFrames; frame++) {
    const { gfn, level, parent } = shadowPage(mem, vm, frame);
    if (level === 0 || parent === 0 || gfn < start || lastGfnOf(vm, gfn, level) >= end) continue;
    prepareZapPage(mem, vm, vm.tablesAt + (frame << vm.tableShift), invalid);
    if (invalid.length < BATCH_ZAP_PAGES) continue;
    commitZapPage(mem, vm, invalid);
    mem.writeUnlock(vm.at.mmu_lock);
    mem.writeLock(vm.at.mmu_lock);
  }
  commitZapPage(mem, vm, invalid);
  mem.writeUnlock(vm.at.mmu_lock);
}

/**
 * Takes down what hangs on the invalid root, and frees it; then the root maps nothing. mmu_lock held for writing, and given up
 * on the way. Every vCPU was seen after the root was given up: none is in these tables, and nobody is flushed. KVM:
 * kvm_zap_obsolete_pages(), which flushes once before it frees, because its faults may still walk.
 */
export function zapObsoletePages(mem: Shared, vm: Vm): void {
  const invalid: number[] = [];
  const root = invalidRoot(mem, vm);
  const tables: number[] = [];
  addTablesBelow(mem, vm, root, vm.geometry.levels, tables);
  for (const table of tables) {
    prepareZapPage(mem, vm, table, invalid);
    if (invalid.length < BATCH_ZAP_PAGES) continue;
    freePages(mem, invalid);
    // Notifiers find by its rmap what is left of it; nobody adds to it.
    mem.writeUnlock(vm.at.mmu_lock);
    mem.writeLock(vm.at.mmu_lock);
  }
  unlinkChildren(mem, vm, root, vm.geometry.levels, invalid);
  initRoot(mem, vm, root);
  freePages(mem, invalid);
}

/** Each after those that it leads to. */
function addTablesBelow(mem: Shared, vm: Vm, table: number, level: number, tables: number[]): void {
  if (level === 1) return;
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const low = mem.load64(table + (index << 3));
    if (!leadsToTable(low)) continue;
    const child = childTable(vm, low);
    addTablesBelow(mem, vm, child, level - 1, tables);
    tables.push(child);
  }
}

/** Of those that can be mapped: a table of the highest level may reach beyond. */
const lastGfnOf = (vm: Vm, gfn: Gfn, level: number): number =>
  Math.min(gfn + pagesPerEntry(level + 1, vm.geometry.indexBits), vm.gfnLimit) - 1;
