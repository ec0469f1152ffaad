// Installs the leaf for a fault, beside other faults that hold mmu_lock for reading. KVM: kvm_tdp_mmu_map().
import type { Shared } from '@faultline/atomics';
import { firstGfn } from '../address.ts';
import { markPageDirty } from '../dirty/dirty-bitmap.ts';
import type { MmuEvent, Spte } from '../event.ts';
import { isHostPteWritable } from '../host/host-pte.ts';
import type { Vm } from '../memory-map.ts';
import { restoreAccTrack, withAdType } from '../spte/acc-track.ts';
import { makeNonleafSpte, makeSpte, replacing } from '../spte/make-spte.ts';
import { makeMmioSpte } from '../spte/mmio-spte.ts';
import {
  isAccessAllowed,
  isFrozen,
  isLastSpte,
  isShadowPresent,
  isWritable,
  leadsToTable,
} from '../spte/spte.ts';
import { type Entry, setSpteAtomic } from '../spte/update-spte.ts';
import { childTable, entryAt, initTable, tableFrame } from '../spte/walk.ts';
import { isLogged, type Memslot, mmioGeneration } from '../vm/memslots.ts';
import { splitHugePage } from '../vm/split-huge-page.ts';
import { handleRemovedTable } from '../vm/zap.ts';
import { isWriteFault } from './error-code.ts';
import type { PageFault } from './fault.ts';
import {
  expectSamePage,
  KVM_PFN_NOSLOT,
  mayAddTable,
  type Target,
  targetOf,
  traceMarkMmioSpte,
  traceSpteRequested,
} from './map-target.ts';
import {
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from './ret-pf.ts';

/** RETRY: somebody changed an entry on the way, or owns one. mmu_lock held for reading at least, in a read section. */
export function tdpMmuMap(mem: Shared, vm: Vm, fault: PageFault, hostPte: number): RetPf {
  const target = targetOf(vm, fault, hostPte);
  if (reachTable(mem, vm, fault, target) <= 0) return RET_PF_RETRY;
  const spte = makeSpte(target.pfn, isHostPteWritable(hostPte), target.level);
  return mapTargetLevel(mem, vm, fault, withAdType(vm, spte));
}

/** As `tdpMmuMap`, where the guest has no memory: leaves an MMIO spte. EMULATE also when there is no room for one. */
export function tdpMmuMarkMmio(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const table = reachTable(mem, vm, fault, { pfn: KVM_PFN_NOSLOT, level: 1 });
  if (table <= 0) return table === NO_TABLE ? RET_PF_EMULATE : RET_PF_RETRY;
  const { sptep, gfn, stat } = fault;
  const old = { low: mem.load64(sptep), high: mem.high };
  // Present: memory has come here since the slots were compared, and another vCPU has it. KVM would replace it; here a
  // present spte goes by way of a zap or not at all.
  if (isFrozen(old.low, old.high) || isShadowPresent(old.low)) return RET_PF_RETRY;
  // Of which generation the decision is, is asked after it: see mmio.ts.
  const spte = makeMmioSpte(mmioGeneration(mem.load32(vm.at.memslots)), gfn);
  const same = old.low === spte.low && old.high === spte.high;
  if (!same && !setSpteAtomic(mem, { sptep, gfn, level: 1 }, old, spte)) return RET_PF_RETRY;
  stat.pf_mmio_spte_created++;
  if (mem.emit !== undefined) traceMarkMmioSpte(mem, fault, spte);
  return RET_PF_EMULATE;
}

/** No table was added for an MMIO spte: the vCPU has added enough. */
const NO_TABLE = -1;
/**
 * The table of the target's level, made if need be, with the place of its leaf in `fault`; 0 when somebody changed an
 * entry on the way, or owns one.
 */
function reachTable(mem: Shared, vm: Vm, fault: PageFault, target: Target): number {
  const { gfn } = fault;
  if (mem.emit !== undefined) traceSpteRequested(mem, vm, fault, target);
  let table: number = fault.root;
  for (let level = vm.geometry.levels; level > target.level; level--) {
    const sptep = entryAt(vm, table, gfn, level);
    const old = { low: mem.load64(sptep), high: mem.high };
    if (isFrozen(old.low, old.high)) return 0;
    if (leadsToTable(old.low)) {
      table = childTable(vm, old.low);
      continue;
    }
    const entry = { sptep, gfn: firstGfn(gfn, level, vm.geometry.indexBits), level };
    if (isShadowPresent(old.low)) table = splitForLog(mem, vm, fault, { entry, old });
    else if (target.pfn === KVM_PFN_NOSLOT && !mayAddTable(fault)) return NO_TABLE;
    else table = linkTable(mem, vm, entry, old);
    if (table === 0) return 0;
  }
  fault.sptep = entryAt(vm, table, gfn, target.level);
  fault.level = target.level;
  return table;
}

/** A large leaf that was found where a small one is wanted. */
interface LargeLeaf {
  readonly entry: Entry;
  readonly old: Spte;
}

/** It was not split when its slot's log began. */
function splitForLog(mem: Shared, vm: Vm, { slot }: PageFault, { entry, old }: LargeLeaf): number {
  // Another fault was first, and found the host's page huge, which it was not when we asked: the guest has what it wants.
  if (!isLogged(slot)) return 0;
  return splitHugePage(mem, vm, entry, old);
}

/** KVM: tdp_mmu_map_handle_target_level(). */
function mapTargetLevel(mem: Shared, vm: Vm, fault: PageFault, made: Spte): RetPf {
  const { sptep, gfn, level } = fault;
  const old = { low: mem.load64(sptep), high: mem.high };
  if (isFrozen(old.low, old.high)) return RET_PF_RETRY;
  const entry = { sptep, gfn: firstGfn(gfn, level, vm.geometry.indexBits), level };
  const isLeaf = isShadowPresent(old.low) && isLastSpte(old.low, level);
  if (isLeaf) {
    expectSamePage(gfn, old, made);
    // Another fault was first. Its leaf may say more than ours: the host gives W back without telling anybody, and a read
    // that asked before would take MMU_WRITABLE away again with no flush. KVM does so since 6.13.
    const write = isWriteFault(fault.error_code);
    if (isAccessAllowed(old.low, write)) {
      traceSetSpte(mem, entry, old); // KVM tells of the leaf that it leaves, too
      return RET_PF_SPURIOUS;
    }
    // Access-tracked. For the same reason a read gives back what was kept, and no other answer of the host.
    if (!write) return restoreLeaf(mem, entry, old);
  }
  const spte = replacing(old, level, made);
  if (!setSpteAtomic(mem, entry, old, spte)) return RET_PF_RETRY;
  if (isShadowPresent(old.low) && !isLeaf) {
    handleRemovedTable(mem, vm, childTable(vm, old.low), entry, fault.removed);
  }
  // KVM marks before the exchange, in make_spte(), safe because a harvest excludes this lock. After it is as safe, and
  // stays so without the lock. A writable leaf counts as written, though this fault may have been a read.
  if (isWritable(spte.low)) markPageDirty(mem, vm, fault.slot as Memslot, gfn);
  traceSetSpte(mem, entry, spte);
  return RET_PF_FIXED;
}

function traceSetSpte(mem: Shared, { sptep, gfn, level }: Entry, spte: Spte): void {
  mem.emit?.({ event: 'kvm_mmu_set_spte', gfn, spte, level, sptep } satisfies MmuEvent);
}

/** The part of the fast path for those that have none. */
function restoreLeaf(mem: Shared, entry: Entry, old: Spte): RetPf {
  return setSpteAtomic(mem, entry, old, restoreAccTrack(old)) ? RET_PF_FIXED : RET_PF_RETRY;
}

/** A new table under `entry`; its address, or 0 when somebody else linked one first. */
function linkTable(mem: Shared, vm: Vm, entry: Entry, old: Spte): number {
  const table = mem.alloc();
  initTable(mem, vm, table);
  const spte = withAdType(vm, makeNonleafSpte(tableFrame(vm, table)));
  if (setSpteAtomic(mem, entry, old, spte)) return table;
  mem.free(table); // never seen by anybody: needs no grace period
  return 0;
}
