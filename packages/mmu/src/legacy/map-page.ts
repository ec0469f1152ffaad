// Puts a leaf where none is present, and into the rmap of its page. mmu_lock held for writing.
import type { Shared } from '@faultline/atomics';
import type { Sptep } from '../address.ts';
import type { Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { gfnToHvn, type Memslot } from '../vm/memslots.ts';
import { mmuSpteSet } from './mmu-spte.ts';
import { rmapAdd, rmapHead } from './rmap.ts';
import type { Mapped } from './shadow-page.ts';

/** `place.gfn` is the first that the leaf maps, and in `slot`. KVM: mmu_set_spte(), where nothing was. */
export function mapPage(
  mem: Shared,
  vm: Vm,
  slot: Memslot,
  { sptep, gfn, level }: Mapped & { readonly sptep: Sptep },
  spte: Spte,
): void {
  mmuSpteSet(mem, sptep, spte);
  rmapAdd(mem, vm, rmapHead(vm, gfnToHvn(slot, gfn), level), sptep);
}
