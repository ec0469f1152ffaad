// Zapping all of the page table at once: its root is given up, and every vCPU loads another. What hangs on the old one is
// taken down afterwards, at leisure. KVM: kvm_mmu_zap_all_fast().
//
//   mmu_lock W     the other root is valid; every vCPU is asked to give up the old one, and seen to have been asked
//                  from here on no vCPU uses the old root, its TLB included, and no fault maps in it
//   mmu_lock R     zapped beside faults of the new root, and its tables freed: no flush is owed, nothing has to be frozen
//                  (legacy: mmu_lock W still, given up after every few tables)
//
// Until it is zapped the host's notifiers visit it too: what its leaves know of stores, they tell (litmus: b25-skips-the-invalid-root).
import type { Shared } from '@faultline/atomics';
import type { MmuEvent } from '../event.ts';
import { countShadowPages } from '../legacy/shadow-page.ts';
import { zapObsoletePages } from '../legacy/zap-page.ts';
import type { Vm } from '../memory-map.ts';
import { KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, requestAllVcpus } from './vcpu-mode.ts';
import { zapInvalidRoot } from './zap-root.ts';

/** Afterwards nothing is mapped but what faults have mapped since. slots_lock held, and no other. */
export function zapAllFast(mem: Shared, vm: Vm): void {
  mem.writeLock(vm.at.mmu_lock);
  invalidateRoot(mem, vm);
  if (!vm.tdpMmuEnabled) zapObsoletePages(mem, vm);
  mem.writeUnlock(vm.at.mmu_lock);
  if (vm.tdpMmuEnabled) zapInvalidRoot(mem, vm);
}

/**
 * Gives up the valid root for the empty one; when it returns no vCPU reaches anything by the old one. mmu_lock held for
 * writing: a fault that finds the old root valid under it has mapped before. KVM: kvm_tdp_mmu_invalidate_roots().
 */
export function invalidateRoot(mem: Shared, vm: Vm): void {
  const mmu_valid_gen = mem.load32(vm.at.mmu_valid_gen);
  mem.emit?.({
    event: 'kvm_mmu_zap_all_fast',
    mmu_valid_gen,
    mmu_used_pages: vm.tdpMmuEnabled ? 0 : countShadowPages(mem, vm),
  } satisfies MmuEvent);
  // First: a vCPU that has served the request loads what it finds valid. Litmus: root-asks-before-it-swaps.
  mem.store32(vm.at.mmu_valid_gen, mmu_valid_gen ^ 1);
  // And waits: a vCPU in the guest is in its tables until it has looked. Litmus: root-not-waited-for.
  requestAllVcpus(mem, vm, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS);
}
