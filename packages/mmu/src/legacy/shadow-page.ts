// What the legacy MMU knows of each of its tables: a header beside the frame. All of it under mmu_lock held for writing.
// KVM: struct kvm_mmu_page, with role.direct set: position alone says which gfn an entry is of.
//
//   gfn of entry 0 | level, 0 where the frame is no table | the entry that leads to it, 0 of a root
import type { Shared } from '@faultline/atomics';
import { type Gfn, pagesPerEntry, type Sptep } from '../address.ts';
import { SHADOW_PAGE_BYTES, type Vm } from '../memory-map.ts';
import { withAdType } from '../spte/acc-track.ts';
import { makeNonleafSpte } from '../spte/make-spte.ts';
import { initTable, tableFrame } from '../spte/walk.ts';
import { isRequestPending, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS } from '../vm/vcpu-mode.ts';
import { mmuSpteSet } from './mmu-spte.ts';

/** What an entry of a table stands for. */
export interface Mapped {
  readonly gfn: Gfn;
  readonly level: number;
}

/** A table's header: what its first entry stands for, and where the entry lies that leads to it. */
export interface ShadowPage extends Mapped {
  readonly parent: Sptep;
}

const headerAt = (vm: Vm, frame: number): number => vm.at.shadow_pages + frame * SHADOW_PAGE_BYTES;

/** The header of table frame number `frame`. */
export function shadowPage(mem: Shared, vm: Vm, frame: number): ShadowPage {
  const at = headerAt(vm, frame);
  return {
    gfn: (mem.load32(at) >>> 0) as Gfn,
    level: mem.load32(at + 4),
    parent: (mem.load32(at + 8) >>> 0) as Sptep,
  };
}

/** Makes a frame a table that maps nothing, and that nothing leads to. */
export function initShadowPage(mem: Shared, vm: Vm, table: number, { gfn, level }: Mapped): void {
  initTable(mem, vm, table);
  const at = headerAt(vm, tableFrame(vm, table));
  mem.store32(at, gfn);
  mem.store32(at + 4, level);
  mem.store32(at + 8, 0);
}

/** Throws a RangeError when no frame is left. KVM: kvm_mmu_get_shadow_page(), which also finds old ones. */
export function getShadowPage(mem: Shared, vm: Vm, mapped: Mapped): number {
  const table = mem.alloc();
  initShadowPage(mem, vm, table, mapped);
  return table;
}

/** Lets `sptep`, where nothing is present, lead to `table`, whose entries are stored already. KVM: __link_shadow_page(). */
export function linkShadowPage(mem: Shared, vm: Vm, sptep: Sptep, table: number): void {
  mem.store32(headerAt(vm, tableFrame(vm, table)) + 8, sptep);
  mmuSpteSet(mem, sptep, withAdType(vm, makeNonleafSpte(tableFrame(vm, table))));
}

/** The frame is a table no more. */
export function forgetShadowPage(mem: Shared, vm: Vm, table: number): void {
  mem.store32(headerAt(vm, tableFrame(vm, table)) + 4, 0);
}

/**
 * Tables in use: of the two roots, the one that is not valid counts while a vCPU has not given it up yet. KVM:
 * kvm->arch.n_used_mmu_pages.
 */
export function countShadowPages(mem: Shared, vm: Vm): number {
  let count = isRequestPending(mem, vm, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS) ? 0 : -1;
  for (let frame = 0; frame < vm.tableFrames; frame++) {
    if (shadowPage(mem, vm, frame).level !== 0) count++;
  }
  return count;
}

/** What the entry at `sptep` stands for. KVM: sptep_to_sp(), kvm_mmu_page_get_gfn(). */
export function mappedBy(mem: Shared, vm: Vm, sptep: Sptep): Mapped {
  const frame = tableFrame(vm, sptep);
  const { gfn, level } = shadowPage(mem, vm, frame);
  const index = (sptep - vm.tablesAt - (frame << vm.tableShift)) >>> 3;
  return { gfn: (gfn + index * pagesPerEntry(level, vm.geometry.indexBits)) as Gfn, level };
}
