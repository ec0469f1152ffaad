// gfn -> the last spte on its path, no lock taken. Callers are in a read section, or hold mmu_lock.
import type { Shared } from '@faultline/atomics';
import { type Gfn, type Sptep, tableIndex } from '../address.ts';
import { tableBytes, type Vm } from '../memory-map.ts';
import { isLastSpte, isShadowPresent, SHADOW_NONPRESENT } from './spte.ts';

/** Where a walk ended: at the leaf, or at the first entry that leads nowhere. */
export interface Walk {
  gfn: Gfn;
  sptep: Sptep;
  level: number;
}

/** Address of the table that a non-leaf spte leads to. Table frames number below 2^20, so `low` says it all. */
export const childTable = (vm: Vm, low: number): number =>
  vm.tablesAt + ((low >>> 12) << vm.tableShift);

export const tableFrame = (vm: Vm, table: number): number =>
  (table - vm.tablesAt) >>> vm.tableShift;

export const entryAt = (vm: Vm, table: number, gfn: Gfn, level: number): Sptep =>
  (table + (tableIndex(gfn, level, vm.geometry.indexBits) << 3)) as Sptep;

/**
 * Leaves `sptep` and `level` in `walk`. Reads every level but the last with one untorn load and leaves the last to the
 * caller, who decides on it: each word is loaded once. KVM: kvm_tdp_mmu_fast_pf_get_last_sptep().
 */
export function walkToLastSptep(mem: Shared, vm: Vm, walk: Walk): void {
  const { tablesAt, tableShift } = vm;
  const { levels, indexBits } = vm.geometry;
  const { gfn } = walk;
  const mask = (8 << indexBits) - 8;
  let shift = (levels - 1) * indexBits;
  let sptep = vm.root + (((gfn >>> shift) << 3) & mask);
  let level = levels;
  for (; level > 1; level--) {
    const low = mem.load64(sptep);
    if (!isShadowPresent(low) || isLastSpte(low, level)) break;
    shift -= indexBits;
    sptep = tablesAt + ((low >>> 12) << tableShift) + (((gfn >>> shift) << 3) & mask);
  }
  walk.sptep = sptep as Sptep;
  walk.level = level;
}

/** Makes every entry of a new table non-present. */
export function initTable(mem: Shared, vm: Vm, table: number): void {
  for (let at = table; at < table + tableBytes(vm.geometry); at += 8) {
    mem.store64(at, SHADOW_NONPRESENT.low, SHADOW_NONPRESENT.high);
  }
}
