// KSM's protection as the review of April 2012 drew it. The host pte loses W first; the notifier then clears W of the spte
// and counts the sequence number up. The software bits stay, so that the word still says: repairable.
import type { Shared } from '@faultline/atomics';
import {
  clearSpteBits,
  flushRemoteTlbs,
  type Gfn,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtep,
  isWritable,
  PT_WRITABLE_MASK,
  type Vm,
} from '@faultline/mmu';
import { leafAt } from '../small-vm.ts';

/** As writeProtectHostPage, of a present page; in a page table of one level, where gfn n is host page n. */
export function writeProtectHostPage2012(mem: Shared, vm: Vm, hvn: Hvn): number {
  mem.lock(vm.at.host_page_table_lock);
  const pte = mem.and32(hostPtep(vm, hvn), ~HOST_PTE_WRITABLE) & ~HOST_PTE_WRITABLE;
  mem.unlock(vm.at.host_page_table_lock);
  mem.writeLock(vm.at.mmu_lock);
  const gfn = hvn as number as Gfn;
  const entry = { sptep: leafAt(vm, gfn), gfn, level: 1 };
  const old = clearSpteBits(mem, entry, PT_WRITABLE_MASK);
  mem.add32(vm.at.mmu_invalidate_seq, 1);
  if (isWritable(old.low)) flushRemoteTlbs(mem, vm);
  mem.writeUnlock(vm.at.mmu_lock);
  return pte;
}
