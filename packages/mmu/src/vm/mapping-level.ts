// How large a leaf may be. KVM: kvm_mmu_max_mapping_level(), and the corners of a slot that lpage_info forbids.
import { type Gfn, hugePageOf } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { isLogged, type Memslot } from './memslots.ts';

/**
 * The level at which `gfn` may be mapped if the host's page is huge: 1 while the slot is logged, since one bit of the log
 * stands for one small page; 1 at its edges, and where guest and host are not aligned alike.
 */
export function maxMappingLevel(vm: Vm, slot: Memslot, gfn: Gfn): number {
  if (vm.maxLevel === 1 || isLogged(slot)) return 1;
  const { baseGfn, npages, hvn } = slot;
  const pages = 1 << vm.geometry.indexBits;
  if (((hvn ^ baseGfn) & (pages - 1)) !== 0) return 1;
  const first = hugePageOf(gfn, vm.geometry);
  return first >= baseGfn && first + pages <= baseGfn + npages ? vm.maxLevel : 1;
}
