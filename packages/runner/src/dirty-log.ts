// How a VMM reads the dirty log, of whichever kind its VM has: the same three steps for all.
//
//   collectDirty         every client is told what was written since
//   takeToCopy           a client takes what it was told, and may copy it: with manual protection it is cleared between the two
//   serveFullRings       vCPUs with a full ring sleep until somebody resets it
import type { Shared } from '@faultline/atomics';
import {
  clearDirtyLog,
  getDirtyLog,
  type Hvn,
  harvestRings,
  isDirtyRingSoftFull,
  resetDirtyRings,
  setMemslotFlags,
  takeDirty,
  type Vm,
  type VmConfig,
} from '@faultline/mmu';
import type { Region } from './machine.ts';

/** KVM's four: taken as a whole, cleared by its readers, cleared and full from the start, a ring per vCPU. */
export const DIRTY_LOGS = ['bitmap', 'manual', 'initially-set', 'ring'] as const;
export type DirtyLog = (typeof DIRTY_LOGS)[number];

/** As the recorded VMMs had it. */
export const DIRTY_RING_ENTRIES = 1024;

/** What a VM must be made with to have this log. */
export function dirtyLogConfig(
  log: DirtyLog,
  entries: number = DIRTY_RING_ENTRIES,
): Pick<VmConfig, 'manualDirtyLogProtect' | 'dirtyRing'> {
  if (log === 'ring') return { manualDirtyLogProtect: 'none', dirtyRing: entries };
  const manualDirtyLogProtect =
    log === 'manual' ? 'enable' : log === 'initially-set' ? 'initially-set' : 'none';
  return { manualDirtyLogProtect, dirtyRing: 0 };
}

/** Which log a VM has. */
export const dirtyLogOf = ({ dirtyRing, manualDirtyLogProtect }: Vm): DirtyLog => {
  if (dirtyRing !== 0) return 'ring';
  return MANUAL[manualDirtyLogProtect];
};
const MANUAL = { none: 'bitmap', enable: 'manual', 'initially-set': 'initially-set' } as const;

export const isClearedByHand = (vm: Vm): boolean => vm.manualDirtyLogProtect !== 'none';

/** Tells every client what was written in these slots; how many pages, or entries of rings. */
export function collectDirty(mem: Shared, vm: Vm, regions: readonly Region[]): number {
  let found = collectRings(mem, vm);
  for (const { slot } of regions) found += getDirtyLog(mem, vm, slot);
  return found;
}

/** Of the rings of all vCPUs, which are no slot's. */
export function collectRings(mem: Shared, vm: Vm): number {
  harvestRings(mem, vm);
  return resetDirtyRings(mem, vm);
}

/** What a client was told of a region; `visit` may copy the page. How many pages. */
export function takeToCopy(
  mem: Shared,
  vm: Vm,
  region: Region,
  client: number,
  visit: (hvn: Hvn) => void,
): number {
  const { slot, npages } = region;
  const range = { hvn: region.hvn as Hvn, npages };
  if (!isClearedByHand(vm)) return takeDirty(mem, vm, range, client, visit);
  const pages: Hvn[] = [];
  const bits = new Int32Array(Math.ceil(npages / 32));
  takeDirty(mem, vm, range, client, (hvn) => {
    pages.push(hvn);
    setBit(bits, hvn - region.hvn);
  });
  // Before any copy: what is stored to a page that was copied first is in no log any more once its mark is cleared.
  if (pages.length > 0) {
    clearDirtyLog(mem, vm, slot, { firstPage: 0, numPages: npages, bits, client });
  }
  for (const hvn of pages) visit(hvn);
  return pages.length;
}

export function setBit(bits: Int32Array, page: number): void {
  bits[page >> 5] = (bits[page >> 5] as number) | (1 << (page & 31));
}

/** Lets vCPUs go on that wait for a reset; whether there were any. */
export function serveFullRings(mem: Shared, vm: Vm): boolean {
  if (vm.dirtyRing === 0) return false;
  for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) {
    if (!isDirtyRingSoftFull(mem, vm, vcpu)) continue;
    collectRings(mem, vm);
    return true;
  }
  return false;
}

/**
 * The last act of whoever has logged slots while vCPUs may run on for a moment: none of these fills a ring any more, and
 * nobody waits for one.
 */
export function endRings(mem: Shared, vm: Vm, regions: readonly Region[]): void {
  if (vm.dirtyRing === 0) return;
  for (const { slot } of regions) setMemslotFlags(mem, vm, slot, 0);
  collectRings(mem, vm);
}
