// One page that a guest writes, and what the host must know of that when the leaf says it no longer.
import type { Shared } from '@faultline/atomics';
import {
  isAccessed,
  isDirty,
  isShadowPresent,
  type Pfn,
  PG_DIRTY,
  pageFlags,
  type Spte,
  type Vm,
} from '@faultline/mmu';
import { contentOf, leafOf } from '../properties.ts';
import { leafEntry } from '../races/write-track.ts';
import type { AgentBody, VmProperty } from '../setting.ts';
import { gfn0, hvn0 } from '../small-vm.ts';

/** Of the only page that is there. */
const PFN = 0 as Pfn;

/** In setup: the host has written the page out, so that it counts as clean. */
export const forgetPageFlags = (mem: Shared, vm: Vm): void =>
  mem.store32(vm.at.page_flags + (PFN << 2), 0);

export const theHostKnowsOfWrites: VmProperty = (mem, vm) => {
  const { low, high } = leafOf(mem, vm, gfn0);
  if (isShadowPresent(low) && isDirty(low, high)) return true;
  return contentOf(mem, vm, hvn0) === 0 || (pageFlags(mem, vm, PFN) & PG_DIRTY) !== 0;
};

export type Age = (mem: Shared, vm: Vm, entry: ReturnType<typeof leafEntry>, seen: Spte) => void;

/** Ages the page as clearYoung() does, under mmu_lock. */
export const ageBy =
  (age: Age): AgentBody =>
  (mem, vm) => {
    mem.writeLock(vm.at.mmu_lock);
    const seen = leafOf(mem, vm, gfn0);
    if (isShadowPresent(seen.low) && isAccessed(seen)) age(mem, vm, leafEntry(vm, gfn0), seen);
    mem.writeUnlock(vm.at.mmu_lock);
  };
