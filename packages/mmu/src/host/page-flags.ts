// What the host is told of its page frames: that they were used, that they were written. A frame that was written may not be
// dropped as clean; what sptes know of it is handed on before they forget. KVM: kvm_set_pfn_accessed(), kvm_set_pfn_dirty().
import type { Shared } from '@faultline/atomics';
import { type Pfn, pagesPerEntry } from '../address.ts';
import type { Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { isAccessed, isDirty, isShadowPresent, spteToPfn } from '../spte/spte.ts';
import type { Entry } from '../spte/update-spte.ts';

export const PG_REFERENCED = 1;
export const PG_DIRTY = 2;

const flagsAt = (vm: Vm, pfn: Pfn): number => vm.at.page_flags + (pfn << 2);

/** PG_REFERENCED and PG_DIRTY of a frame, since it was handed out. */
export const pageFlags = (mem: Shared, vm: Vm, pfn: Pfn): number => mem.load32(flagsAt(vm, pfn));

type Leaf = Pick<Entry, 'level'>;

/** All pages of a leaf of which `spte` is a value. */
export function setPfnDirty(mem: Shared, vm: Vm, entry: Leaf, spte: Spte): void {
  setPageFlags(mem, vm, entry, spte, PG_DIRTY);
}

function setPageFlags(mem: Shared, vm: Vm, { level }: Leaf, spte: Spte, flags: number): void {
  const pfn = spteToPfn(spte.low, spte.high);
  for (let page = 0; page < pagesPerEntry(level, vm.geometry.indexBits); page++) {
    mem.or32(flagsAt(vm, (pfn + page) as Pfn), flags);
  }
}

/** Of one frame: what it holds is nowhere else, be it a copy or back from the swap store. */
export const markFrameDirty = (mem: Shared, vm: Vm, pfn: Pfn): number =>
  mem.or32(flagsAt(vm, pfn), PG_DIRTY);

/** A frame that is handed out has not been used. */
export const clearPageFlags = (mem: Shared, vm: Vm, pfn: Pfn): void =>
  mem.store32(flagsAt(vm, pfn), 0);

/**
 * A leaf has gone: `old` is what the operation that replaced it found, since hardware may have set A and D until then.
 * mmu_lock held, so that the host has not taken the frame back. KVM: handle_changed_spte().
 */
export function tellHostPage(mem: Shared, vm: Vm, entry: Leaf, old: Spte): void {
  if (!isShadowPresent(old.low)) return;
  const dirty = isDirty(old.low, old.high) ? PG_DIRTY : 0;
  const flags = isAccessed(old) ? dirty | PG_REFERENCED : dirty;
  if (flags !== 0) setPageFlags(mem, vm, entry, old, flags);
}
