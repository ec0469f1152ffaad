// Installs the leaf for a fault in the legacy MMU, with mmu_lock held for writing. KVM: direct_map(), mmu_set_spte().
//
// The vCPU says READING meanwhile, for the sake of the memslots. It flushes so all the same: no other vCPU holds this lock, so
// none waits for it but who holds none, or locks that it does not need.
import type { Shared } from '@faultline/atomics';
import { firstGfn } from '../address.ts';
import { markPageDirty } from '../dirty/dirty-bitmap.ts';
import type { MmuEvent, Spte } from '../event.ts';
import { isHostPteWritable } from '../host/host-pte.ts';
import { dropLargeSpte } from '../legacy/drop-large-spte.ts';
import { mapPage } from '../legacy/map-page.ts';
import { loadSpte, mmuSpteRestore, mmuSpteSet, mmuSpteUpdate } from '../legacy/mmu-spte.ts';
import { getShadowPage, linkShadowPage } from '../legacy/shadow-page.ts';
import { commitZapPage, prepareZapPage } from '../legacy/zap-page.ts';
import type { Vm } from '../memory-map.ts';
import { withAdType } from '../spte/acc-track.ts';
import { makeSpte, replacing } from '../spte/make-spte.ts';
import { makeMmioSpte } from '../spte/mmio-spte.ts';
import {
  isAccessAllowed,
  isLastSpte,
  isShadowPresent,
  isWritable,
  leadsToTable,
} from '../spte/spte.ts';
import { childTable, entryAt } from '../spte/walk.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { type Memslot, mmioGeneration } from '../vm/memslots.ts';
import { directPtePrefetch } from './direct-pte-prefetch.ts';
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

/** RETRY: the fast path was faster. Nobody else changes what is on the way. Throws a RangeError when no frame is left. */
export function directMap(mem: Shared, vm: Vm, fault: PageFault, hostPte: number): RetPf {
  const target = targetOf(vm, fault, hostPte);
  reachPlace(mem, vm, fault, target);
  const spte = makeSpte(target.pfn, isHostPteWritable(hostPte), target.level);
  const ret = mmuSetSpte(mem, vm, fault, withAdType(vm, spte));
  if (ret === RET_PF_FIXED) directPtePrefetch(mem, vm, fault);
  return ret;
}

/** Where the guest has no memory: leaves an MMIO spte. EMULATE also when the vCPU has added enough tables for them. */
export function directMarkMmio(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const reached = reachPlace(mem, vm, fault, { pfn: KVM_PFN_NOSLOT, level: 1 });
  if (!reached) return RET_PF_EMULATE;
  const { sptep, gfn, stat } = fault;
  const old = loadSpte(mem, sptep);
  // Present: memory has come here since the slots were compared, and another vCPU has it.
  if (isShadowPresent(old.low)) return RET_PF_RETRY;
  // Of which generation the decision is, is asked after it: see mmio.ts.
  const spte = makeMmioSpte(mmioGeneration(mem.load32(vm.at.memslots)), gfn);
  mmuSpteSet(mem, sptep, spte);
  stat.pf_mmio_spte_created++;
  if (mem.emit !== undefined) traceMarkMmioSpte(mem, fault, spte);
  directPtePrefetch(mem, vm, fault); // of a slot that ends, or begins, beside it
  return RET_PF_EMULATE;
}

/** Leaves in `fault` where the target's spte lies, with the tables above it; false when one would be added that may not. */
function reachPlace(mem: Shared, vm: Vm, fault: PageFault, target: Target): boolean {
  const { gfn } = fault;
  if (mem.emit !== undefined) traceSpteRequested(mem, vm, fault, target);
  let table: number = fault.root;
  for (let level = vm.geometry.levels; level > target.level; level--) {
    const sptep = entryAt(vm, table, gfn, level);
    const low = mem.load64(sptep);
    if (leadsToTable(low)) {
      table = childTable(vm, low);
      continue;
    }
    if (target.pfn === KVM_PFN_NOSLOT && !mayAddTable(fault)) return false;
    // KVM drops it even here: small pages are then mapped one fault at a time.
    if (isShadowPresent(low)) dropLargeSpte(mem, vm, { sptep, level });
    table = getShadowPage(mem, vm, {
      gfn: firstGfn(gfn, level, vm.geometry.indexBits),
      level: level - 1,
    });
    linkShadowPage(mem, vm, sptep, table);
  }
  fault.sptep = entryAt(vm, table, gfn, target.level);
  fault.level = target.level;
  return true;
}

function mmuSetSpte(mem: Shared, vm: Vm, fault: PageFault, made: Spte): RetPf {
  const { sptep, level } = fault;
  const slot = fault.slot as Memslot;
  const gfn = firstGfn(fault.gfn, level, vm.geometry.indexBits);
  const old = loadSpte(mem, sptep);
  const spte = replacing(old, level, made);
  if (!isShadowPresent(old.low)) {
    mapPage(mem, vm, slot, { sptep, gfn, level }, spte);
  } else if (isLastSpte(old.low, level)) {
    expectSamePage(gfn, old, made);
    // Another fault was first, and its leaf may say more than ours: see tdp-map.ts.
    const write = isWriteFault(fault.error_code);
    if (isAccessAllowed(old.low, write)) return RET_PF_SPURIOUS;
    if (!write) return mmuSpteRestore(mem, sptep, old) ? RET_PF_FIXED : RET_PF_RETRY;
    if (mmuSpteUpdate(mem, { sptep, level }, old, spte)) flushRemoteTlbs(mem, vm);
  } else {
    const invalid: number[] = [];
    prepareZapPage(mem, vm, childTable(vm, old.low), invalid);
    commitZapPage(mem, vm, invalid);
    mapPage(mem, vm, slot, { sptep, gfn, level }, spte);
  }
  // KVM marks before it stores, in make_spte(), safe because a harvest excludes this lock; after it is as safe. A writable
  // leaf counts as written, though this fault may have been a read.
  if (isWritable(spte.low)) markPageDirty(mem, vm, slot, fault.gfn);
  mem.emit?.({ event: 'kvm_mmu_set_spte', gfn, spte, level, sptep } satisfies MmuEvent);
  return RET_PF_FIXED;
}
