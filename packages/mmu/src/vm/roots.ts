// The roots of a VM's page table. vCPUs load the valid one. The other was given up, and is being zapped; or it has been, and is
// empty. slots_lock is held until it is, so that there is never another. KVM: kvm->arch.mmu_valid_gen, which goes to and fro
// between 0 and 1 for the same reason; the roots themselves it allocates as they are loaded.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Sptep } from '../address.ts';
import { initShadowPage } from '../legacy/shadow-page.ts';
import type { Vm } from '../memory-map.ts';
import { initTable } from '../spte/walk.ts';

/** The one that faults map in. With mmu_lock or slots_lock held it stays valid. */
export const validRoot = (mem: Shared, vm: Vm): Sptep =>
  vm.roots[mem.load32(vm.at.mmu_valid_gen) as 0 | 1];

/** The one in which nobody maps, and no vCPU looks, any more. */
export const invalidRoot = (mem: Shared, vm: Vm): Sptep =>
  vm.roots[(mem.load32(vm.at.mmu_valid_gen) ^ 1) as 0 | 1];

/** Makes the roots' frames tables of the highest level. KVM: mmu_alloc_direct_roots(). */
export function initRoots(mem: Shared, vm: Vm): void {
  for (const root of vm.roots) initRoot(mem, vm, root);
}

/** Makes a frame a root that maps nothing. */
export function initRoot(mem: Shared, vm: Vm, root: Sptep): void {
  if (vm.tdpMmuEnabled) initTable(mem, vm, root);
  else initShadowPage(mem, vm, root, { gfn: 0 as Gfn, level: vm.geometry.levels });
}
