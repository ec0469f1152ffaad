// The setting of races over a huge page: it has two small ones, and the one entry of the root that is used maps it, or leads
// to the table of the two.
import type { Shared } from '@faultline/atomics';
import {
  entryAt,
  hostPtep,
  isLastSpte,
  isShadowPresent,
  KVM_MEM_LOG_DIRTY_PAGES,
  setMemslotFlags,
  type splitHugePage,
  type Vm,
  type VmConfig,
  writeProtectHostPage,
} from '@faultline/mmu';
import { gfn0, gfn1, hvn0, touch } from '../small-vm.ts';

export const HUGE_PAGES: Partial<Omit<VmConfig, 'vcpus' | 'agents' | 'tableFrames'>> = {
  geometry: { levels: 2, indexBits: 1 },
  transparentHugepage: 'always',
  eagerPageSplit: false,
  mmioCaching: false,
};

/** The entry that maps gfns 0 and 1, or leads to their table. */
export const largeEntry = (vm: Vm): Parameters<typeof splitHugePage>[2] => ({
  sptep: entryAt(vm, vm.roots[0], gfn0, 2),
  gfn: gfn0,
  level: 2,
});

export const isLarge = (mem: Shared, vm: Vm): boolean => {
  const low = mem.load64(largeEntry(vm).sptep);
  return isShadowPresent(low) && isLastSpte(low, 2);
};

/** In setup: gfns 0 and 1 are mapped by a large leaf. The slot is not logged. */
export const mapLarge = (mem: Shared, vm: Vm): void => touch(mem, vm, gfn0);

/** In setup: that leaf is protected for the log, as large as it is. */
export function mapLargeThenLog(mem: Shared, vm: Vm): void {
  mapLarge(mem, vm);
  setMemslotFlags(mem, vm, 0, KVM_MEM_LOG_DIRTY_PAGES);
}

/** In setup: gfns 0 and 1 are mapped by small leaves, because the host has split its page. */
export function mapSmall(mem: Shared, vm: Vm): void {
  mapLarge(mem, vm);
  writeProtectHostPage(mem, vm, hvn0);
  for (const gfn of [gfn0, gfn1]) touch(mem, vm, gfn);
}

/** Is `address` a host pte? */
export const isHostPtep = (vm: Vm, address: number): boolean =>
  address >= hostPtep(vm, hvn0) && address < hostPtep(vm, hvn0) + 4 * vm.hostPages;
