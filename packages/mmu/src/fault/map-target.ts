// What a fault maps, in whichever MMU: a page of the host, as large as may be, or the mark that there is none.
import type { Shared } from '@faultline/atomics';
import { firstGfn, type Gfn, type Pfn } from '../address.ts';
import type { MmuEvent, Spte } from '../event.ts';
import { hostPtePfn, isHostPteHuge } from '../host/host-pte.ts';
import type { Vm } from '../memory-map.ts';
import { mmioSpteGeneration } from '../spte/mmio-spte.ts';
import { formatSpte, spteToPfn } from '../spte/spte.ts';
import { maxMappingLevel } from '../vm/mapping-level.ts';
import type { Memslot } from '../vm/memslots.ts';
import type { PageFault } from './fault.ts';

/** What is to be mapped, and at which level. */
export interface Target {
  readonly pfn: Pfn;
  readonly level: number;
}

/** In place of a frame where the guest has no memory: 2^63, as KVM prints it. */
export const KVM_PFN_NOSLOT = (2 ** 63) as Pfn;

/** As large a leaf as host and slot allow. */
export function targetOf(vm: Vm, { gfn, slot }: PageFault, hostPte: number): Target {
  const level = isHostPteHuge(hostPte) ? maxMappingLevel(vm, slot as Memslot, gfn) : 1;
  // The frames of a huge page are consecutive, and maxMappingLevel has seen to it that the guest's are aligned alike.
  const pfn = (hostPtePfn(hostPte) - (gfn - firstGfn(gfn, level, vm.geometry.indexBits))) as Pfn;
  return { pfn, level };
}

/** The frame that is told is of `gfn` itself, however large the leaf. KVM: trace_kvm_mmu_spte_requested(). */
export function traceSpteRequested(
  mem: Shared,
  vm: Vm,
  { gfn }: PageFault,
  { pfn, level }: Target,
): void {
  const offset = gfn - firstGfn(gfn, level, vm.geometry.indexBits);
  mem.emit?.({
    event: 'kvm_mmu_spte_requested',
    gfn,
    pfn: (pfn + offset) as Pfn,
    level,
  } satisfies MmuEvent);
}

/** A leaf of another page goes by way of a zap: the host has told nobody of it else. Throws. */
export function expectSamePage(gfn: Gfn, old: Spte, spte: Spte): void {
  if (spteToPfn(old.low, old.high) === spteToPfn(spte.low, spte.high)) return;
  throw new Error(
    `gfn 0x${gfn.toString(16)}: expected a zap before another page is mapped, got ${formatSpte(old)} under ` +
      `${formatSpte(spte)}; usual cause: a host page replaced without its notifier`,
  );
}

/** Of a vCPU that would add a table for an MMIO spte; see MMIO_TABLES. */
export function mayAddTable({ mmio }: PageFault): boolean {
  if (mmio.tablesLeft === 0) return false;
  mmio.tablesLeft--;
  return true;
}

export function traceMarkMmioSpte(
  mem: Shared,
  { sptep, gfn }: PageFault,
  { low, high }: Spte,
): void {
  const gen = mmioSpteGeneration(low, high);
  mem.emit?.({
    event: 'mark_mmio_spte',
    sptep,
    gfn,
    access: low & ACC_ALL,
    gen,
  } satisfies MmuEvent);
}

/** The kernel prints these three bits of the spte. */
const ACC_ALL = 7;
