// Finding the leaves of a range of guest frames. For holders of mmu_lock: tables do not vanish under them.
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry } from '../address.ts';
import type { Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { isLastSpte, isShadowPresent } from '../spte/spte.ts';
import { childTable, entryAt } from '../spte/walk.ts';

/** The level-1 table that holds `gfn`, or 0 where there is none. */
export function leafTable(mem: Shared, vm: Vm, gfn: Gfn): number {
  let table: number = vm.root;
  for (let level = vm.geometry.levels; level > 1; level--) {
    const low = mem.load64(entryAt(vm, table, gfn, level));
    if (!isShadowPresent(low) || isLastSpte(low, level)) return 0;
    table = childTable(vm, low);
  }
  return table;
}

/** Calls `visit` with the level-1 table of each stretch of [start, end), 0 where there is none. */
export function forEachLeafTable(
  mem: Shared,
  vm: Vm,
  start: Gfn,
  end: Gfn,
  visit: (table: number, from: Gfn, to: Gfn) => void,
): void {
  const span = pagesPerEntry(2, vm.geometry.indexBits);
  for (let from = start as number; from < end; ) {
    const to = Math.min(end, (Math.floor(from / span) + 1) * span);
    visit(leafTable(mem, vm, from as Gfn), from as Gfn, to as Gfn);
    from = to;
  }
}

/** Calls `visit` for every present entry, tables before what they hold. Nobody changes them meanwhile. */
export function forEachSpte(
  mem: Shared,
  vm: Vm,
  visit: (spte: Spte, level: number, gfn: Gfn) => void,
  table: number = vm.root,
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
