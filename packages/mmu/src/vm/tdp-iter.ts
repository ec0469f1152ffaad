// Finding the leaves of a range of guest frames. For holders of mmu_lock: tables do not vanish under them.
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry, type Sptep } from '../address.ts';
import type { Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { isLastSpte, isShadowPresent, leadsToTable } from '../spte/spte.ts';
import type { Entry } from '../spte/update-spte.ts';
import { childTable, entryAt } from '../spte/walk.ts';
import { validRoot } from './roots.ts';

export interface GfnRange {
  readonly start: Gfn;
  /** Exclusive. */
  readonly end: Gfn;
}

/** The table in which the walk from `root` for `gfn` ends, above level `lowest` or there, and its level. */
export function lastTable(
  mem: Shared,
  vm: Vm,
  root: Sptep,
  gfn: Gfn,
  lowest = 1,
): { table: number; level: number } {
  let table: number = root;
  for (let level = vm.geometry.levels; level > lowest; level--) {
    const low = mem.load64(entryAt(vm, table, gfn, level));
    if (!leadsToTable(low)) return { table, level };
    table = childTable(vm, low);
  }
  return { table, level: lowest };
}

/**
 * Calls `visit` for every present leaf of [start, end) under `root` as it was found; for a large one too of which only a part
 * lies in it.
 */
export function forEachLeaf(
  mem: Shared,
  vm: Vm,
  { start, end }: GfnRange,
  visit: (entry: Entry, seen: Spte) => void,
  root: Sptep = validRoot(mem, vm),
): void {
  const { indexBits } = vm.geometry;
  const span = pagesPerEntry(2, indexBits);
  for (let from = start as number; from < end; ) {
    const block = Math.floor(from / span) * span;
    const { table, level } = lastTable(mem, vm, root, from as Gfn);
    // Above level 1 it is one entry that says something of the whole block.
    const first = level === 1 ? from : block;
    const to = level === 1 ? Math.min(end, block + span) : block + 1;
    for (let gfn = first; gfn < to; gfn++) {
      const sptep = entryAt(vm, table, gfn as Gfn, level);
      // Above level 1 the second look: beside holders of mmu_lock for reading a table may have come since the walk.
      const seen = { low: mem.load64(sptep), high: mem.high };
      const isLeaf = isShadowPresent(seen.low) && isLastSpte(seen.low, level);
      if (isLeaf) visit({ sptep, gfn: gfn as Gfn, level }, seen);
    }
    from = block + span;
  }
}

/** Calls `visit` for every present entry of the root in use, tables before what they hold. Nobody changes them meanwhile. */
export function forEachSpte(
  mem: Shared,
  vm: Vm,
  visit: (spte: Spte, level: number, gfn: Gfn) => void,
  table: number = validRoot(mem, vm),
  level: number = vm.geometry.levels,
  base: Gfn = 0 as Gfn,
): void {
  const pages = pagesPerEntry(level, vm.geometry.indexBits);
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const gfn = (base + index * pages) as Gfn;
    const spte = { low: mem.load64(table + (index << 3)), high: mem.high };
    if (!isShadowPresent(spte.low)) continue;
    visit(spte, level, gfn);
    if (!isLastSpte(spte.low, level)) {
      forEachSpte(mem, vm, visit, childTable(vm, spte.low), level - 1, gfn);
    }
  }
}
