// From a page of the VMM's memory to the leaves that map it: how the legacy MMU finds what to zap or to protect. All of it
// under mmu_lock held for writing. KVM: struct kvm_rmap_head, per slot, level and gfn.
//
//   rmap_heads   one word per host page for its small leaves, then one per aligned stretch for its large ones
//   rmap_links   eight bytes per spte, laid out as the tables are:  next sptep | the word that leads here
//
// A page may have several leaves, one of each root. KVM keeps them in descriptors of 14; here each spte carries its own link,
// so that nothing is allocated, and none needs to be searched for, nor its slot, when its table goes.
import type { Shared } from '@faultline/atomics';
import type { Hvn, Sptep } from '../address.ts';
import type { Vm } from '../memory-map.ts';

/** Where the list of `hvn`'s leaves of `level` begins. */
export function rmapHead(vm: Vm, hvn: Hvn, level: number): number {
  const index = level === 1 ? hvn : vm.hostPages + (hvn >>> vm.geometry.indexBits);
  return vm.at.rmap_heads + (index << 2);
}

const linkOf = (vm: Vm, sptep: Sptep): number => vm.at.rmap_links + (sptep - vm.tablesAt);

/** Before or after the leaf is stored: nobody looks at one without the other. KVM: rmap_add(). */
export function rmapAdd(mem: Shared, vm: Vm, head: number, sptep: Sptep): void {
  const link = linkOf(vm, sptep);
  const next = (mem.load32(head) >>> 0) as Sptep;
  mem.store32(link, next);
  mem.store32(link + 4, head);
  if (next !== 0) mem.store32(linkOf(vm, next) + 4, link);
  mem.store32(head, sptep);
}

/** Throws when `sptep` is in no list: then somebody has mapped a page behind the rmap. KVM: rmap_remove(), BUG there too. */
export function rmapRemove(mem: Shared, vm: Vm, sptep: Sptep): void {
  const link = linkOf(vm, sptep);
  const next = (mem.load32(link) >>> 0) as Sptep;
  const leads = mem.load32(link + 4) >>> 0;
  if (leads === 0) {
    throw new Error(
      `spte at 0x${sptep.toString(16)}: expected it in an rmap, got no link; usual cause: a leaf stored without rmapAdd`,
    );
  }
  mem.store32(leads, next);
  if (next !== 0) mem.store32(linkOf(vm, next) + 4, leads);
  mem.store32(link + 4, 0);
}

/** `visit` may take the spte that it is given out of the list. KVM: for_each_rmap_spte(). */
export function forEachRmapSpte(
  mem: Shared,
  vm: Vm,
  head: number,
  visit: (sptep: Sptep) => void,
): void {
  for (let sptep = mem.load32(head) >>> 0; sptep !== 0; ) {
    const next = mem.load32(linkOf(vm, sptep as Sptep)) >>> 0;
    visit(sptep as Sptep);
    sptep = next;
  }
}
