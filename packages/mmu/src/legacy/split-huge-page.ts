// Large leaves of the legacy MMU that have to become small ones: all of a slot at once when its log begins, or the one that a
// fault met. mmu_lock held for writing.
import type { Shared } from '@faultline/atomics';
import { type Hvn, hugePageOf, type Sptep } from '../address.ts';
import type { MmuEvent, Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { makeSmallSpte } from '../spte/make-spte.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { gfnToHvn, type Memslot } from '../vm/memslots.ts';
import { loadSpte, mmuSpteSet } from './mmu-spte.ts';
import { forEachRmapSpte, rmapAdd, rmapHead } from './rmap.ts';
import type { HvnRange } from './rmap-range.ts';
import { getShadowPage, linkShadowPage, mappedBy } from './shadow-page.ts';
import { dropSpte } from './zap-page.ts';

/**
 * Zaps a large leaf, for a table to be put there. Flushed at once: the pages that the leaf mapped are in no rmap until a
 * fault has mapped each anew, so that a notifier would not find what TLBs still hold. KVM: drop_large_spte().
 */
export function dropLargeSpte(mem: Shared, vm: Vm, place: { sptep: Sptep; level: number }): void {
  dropSpte(mem, vm, place, loadSpte(mem, place.sptep));
  flushRemoteTlbs(mem, vm);
}

const ENOMEM = -12;
const OK = 0;

/**
 * Splits the large leaves of pages of `slot`, as long as there are frames: what is left is write-protected as it is. The caller
 * flushes before it lets mmu_lock go, or after that and before it says that the log has begun: the small leaves are in their
 * rmaps, and translate as the large one did. KVM: shadow_mmu_try_split_huge_pages().
 */
export function shadowMmuTrySplitHugePages(
  mem: Shared,
  vm: Vm,
  slot: Memslot,
  { hvn, npages }: HvnRange = slot,
): void {
  const pages = 1 << vm.geometry.indexBits;
  let enough = true;
  const first = hugePageOf(hvn, vm.geometry);
  for (let page = first as number; page < hvn + npages; page += pages) {
    forEachRmapSpte(mem, vm, rmapHead(vm, page as Hvn, 2), (sptep) => {
      if (enough) enough = shadowMmuSplitHugePage(mem, vm, slot, sptep);
    });
  }
}

/** False when no frame is left. */
function shadowMmuSplitHugePage(mem: Shared, vm: Vm, slot: Memslot, sptep: Sptep): boolean {
  const { gfn, level } = mappedBy(mem, vm, sptep);
  let table: number;
  try {
    table = getShadowPage(mem, vm, { gfn, level: level - 1 });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    traceSplit(mem, { gfn, spte: loadSpte(mem, sptep), level, errno: ENOMEM });
    return false;
  }
  // First: what the fast path and hardware have set until then is in the value that it answers.
  const old = dropSpte(mem, vm, { sptep, level }, loadSpte(mem, sptep));
  const hvn = gfnToHvn(slot, gfn);
  for (let index = 0; index < 1 << vm.geometry.indexBits; index++) {
    const child = (table + (index << 3)) as Sptep;
    mmuSpteSet(mem, child, makeSmallSpte(old, index));
    rmapAdd(mem, vm, rmapHead(vm, (hvn + index) as Hvn, 1), child);
  }
  linkShadowPage(mem, vm, sptep, table);
  traceSplit(mem, { gfn, spte: old, level, errno: OK });
  return true;
}

function traceSplit(
  mem: Shared,
  split: { gfn: Mapped['gfn']; spte: Spte; level: number; errno: number },
): void {
  mem.emit?.({ event: 'kvm_mmu_split_huge_page', ...split } satisfies MmuEvent);
}

type Mapped = ReturnType<typeof mappedBy>;
