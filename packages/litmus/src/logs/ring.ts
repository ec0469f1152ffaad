// Dirty rings in a small VM: what they hold, and pages noted in them before a race.
import type { Shared } from '@faultline/atomics';
import {
  dirtyGfnAt,
  dirtyGfnOffset,
  dirtyIndex,
  type Hvn,
  harvestRings,
  isHostPtePresent,
  KVM_DIRTY_GFN_F_DIRTY,
  resetDirtyRings,
  takeDirty,
  type Vm,
} from '@faultline/mmu';
import { type Copy, contentOf, isMarked, isTold } from '../properties.ts';
import type { VmEnd } from '../setting.ts';
import { hostPte, hvn0 } from '../small-vm.ts';

/** In setup, whose thread is no vCPU's: notes a page of slot 0 in the ring of vCPU 0. */
export function noteInRing(mem: Shared, vm: Vm, offset: number): void {
  const dirty = mem.load32(dirtyIndex(vm, 0));
  const entry = dirtyGfnAt(vm, 0, dirty);
  mem.store32(entry + 4, 0);
  mem.store32(entry + 8, offset);
  mem.store32(entry, KVM_DIRTY_GFN_F_DIRTY);
  mem.store32(dirtyIndex(vm, 0), dirty + 1);
}

/** In setup: what touches have marked is in no log, and stays writable. */
export const forgetMarks = (mem: Shared, vm: Vm): void => mem.store32(vm.at.dirty_bitmap, 0);

export function isInRing(mem: Shared, vm: Vm, hvn: Hvn): boolean {
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) {
    for (let index = 0; index < vm.dirtyRing; index++) {
      const entry = dirtyGfnAt(vm, vcpu, index);
      if (mem.load32(entry) !== 0 && dirtyGfnOffset(mem, entry) === hvn) return true;
    }
  }
  return false;
}

export const isInAnyLog = (mem: Shared, vm: Vm, hvn: Hvn): boolean =>
  isMarked(mem, vm, hvn) || isTold(mem, vm, hvn) || isInRing(mem, vm, hvn);

/** With the vCPUs stopped: a page that is in no log is as the agent `reader` sent it; what it did not send is 0. */
export const readerHasAll: VmEnd = (mem, vm, { reader }) => {
  const copy = reader as Copy;
  return Array.from({ length: vm.hostPages }, (_, hvn) => hvn as Hvn).every(
    (hvn) =>
      !isHostPtePresent(hostPte(mem, vm, hvn)) ||
      isInAnyLog(mem, vm, hvn) ||
      contentOf(mem, vm, hvn) === (copy[hvn] ?? 0),
  );
};

/** What client 0 has been told of, as it is now. */
export function copyTold(mem: Shared, vm: Vm): Copy {
  const copy: Record<number, number> = {};
  takeDirty(mem, vm, { hvn: hvn0, npages: vm.hostPages }, 0, (hvn) => {
    copy[hvn] = contentOf(mem, vm, hvn);
  });
  return copy;
}

/** One round of a migration that reads the rings. */
export function ringRound(mem: Shared, vm: Vm): Copy {
  harvestRings(mem, vm);
  resetDirtyRings(mem, vm);
  return copyTold(mem, vm);
}
