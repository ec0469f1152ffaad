// What a host does to its pages for reasons of its own, in the steps that the MMU is told of.
import type { Shared } from '@faultline/atomics';
import {
  allocPage,
  copyPage,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtePfn,
  hostPtep,
  invalidateRangeEnd,
  invalidateRangeStart,
  makeHostPte,
  makeKsmPage,
  pageBase,
  putPage,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';

/** Takes W from the host pte; answers the pte as it then is. */
export type Protect = (mem: Shared, vm: Vm, hvn: Hvn) => number;

/** ksmd's way with a page whose twin holds `content`: protect it, compare, let others share it. Whether it was merged. */
export function merge(
  hvn: Hvn,
  content: number,
  protect: Protect = writeProtectHostPage,
): (mem: Shared, vm: Vm) => boolean {
  return function mergePage(mem, vm) {
    const pte = protect(mem, vm, hvn);
    if (pte === 0 || mem.guestLoad(pageBase(vm, hostPtePfn(pte))) !== content) return false;
    return makeKsmPage(mem, vm, hvn, pte);
  };
}

/** The host moves a page to another frame. Linux: page migration, compaction. */
export function movePage(mem: Shared, vm: Vm, hvn: Hvn): void {
  const old = replaceHostPte(mem, vm, hvn, (pte) => {
    const copy = allocPage(mem, vm);
    copyPage(mem, vm, hostPtePfn(pte), copy);
    return makeHostPte(copy, HOST_PTE_WRITABLE);
  });
  putPage(mem, vm, hostPtePfn(old));
}

/** The host takes a page away and forgets what it held. Linux: madvise(MADV_DONTNEED). */
export function dropPage(mem: Shared, vm: Vm, hvn: Hvn): void {
  const old = replaceHostPte(mem, vm, hvn, () => 0);
  putPage(mem, vm, hostPtePfn(old));
}

/** Between the notifier's start and end; answers the pte as it was. */
function replaceHostPte(mem: Shared, vm: Vm, hvn: Hvn, change: (pte: number) => number): number {
  const ptep = hostPtep(vm, hvn);
  invalidateRangeStart(mem, vm, hvn, 1);
  mem.lock(vm.at.host_page_table_lock);
  const old = mem.load32(ptep);
  mem.store32(ptep, change(old));
  mem.unlock(vm.at.host_page_table_lock);
  invalidateRangeEnd(mem, vm, hvn, 1);
  return old;
}
