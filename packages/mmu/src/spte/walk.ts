// gfn -> the last spte on its path, no lock taken. Callers are in a read section, or hold mmu_lock.
import type { Shared } from '@faultline/atomics';
import { type Gfn, type Sptep, tableIndex } from '../address.ts';
import { tableBytes, type Vm } from '../memory-map.ts';
import { leadsToTable, SHADOW_NONPRESENT } from './spte.ts';

/** What a walk is for, and where it ended: level 1, or that of the first entry which leads nowhere. */
export interface Walk {
  readonly root: Sptep;
  readonly gfn: Gfn;
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
 * Answers where the last spte lies and leaves its level in `walk`. Reads every level but the last with one untorn load and
 * leaves the last to the caller, who decides on it: each word is loaded once. KVM: kvm_tdp_mmu_fast_pf_get_last_sptep().
 */
export function walkToLastSptep(mem: Shared, vm: Vm, walk: Walk): Sptep {
  const { tablesAt, tableShift, offsetMask } = vm;
  const { levels, indexBits } = vm.geometry;
  const { root, gfn } = walk;
  let shift = vm.rootShift;
  let sptep = root + (((gfn >>> shift) << 3) & offsetMask);
  let level = levels;
  for (; level > 1; level--) {
    const low = mem.load64(sptep);
    if (!leadsToTable(low)) break;
    shift -= indexBits;
    const table = tablesAt + ((low >>> 12) << tableShift);
    sptep = table + (((gfn >>> shift) << 3) & offsetMask);
  }
  walk.level = level;
  return sptep as Sptep;
}

/** Makes every entry of a new table non-present. */
export function initTable(mem: Shared, vm: Vm, table: number): void {
  for (let at = table; at < table + tableBytes(vm.geometry); at += 8) {
    mem.store64(at, SHADOW_NONPRESENT.low, SHADOW_NONPRESENT.high);
  }
}
