// The host asks which of its pages were used, to choose those that it can do without. KVM: kvm_mmu_notifier_clear_young(),
// kvm_mmu_notifier_test_young(), age_gfn_range() of 6.12, mmu_lock held for writing.
//
// TLBs are not flushed: a vCPU that goes on through an old entry makes a used page look idle once, and no more than that.
// Whoever switches logging on afterwards has to flush though it finds no W left. Litmus: b6-logging-flushes-nothing.
import { assertOutside, type Shared } from '@faultline/atomics';
import { type Hvn, hvnToHva } from '../address.ts';
import type { MmuEvent, Spte } from '../event.ts';
import { mmuSpteClearBit, mmuSpteTrack } from '../legacy/mmu-spte.ts';
import type { Vm } from '../memory-map.ts';
import { markForAccessTrack } from '../spte/acc-track.ts';
import { isAccessed, isAdEnabled, isWritable, PT_ACCESSED_MASK } from '../spte/spte.ts';
import { clearSpteBits, type Entry, writeSpte } from '../spte/update-spte.ts';
import { readMemslots } from '../vm/memslots.ts';
import { forEachLeaf } from '../vm/tdp-iter.ts';
import type { HostRange } from './huge-page.ts';
import { gfnRanges, holdMemslots, releaseMemslots } from './mmu-notifier.ts';
import { setPfnDirty } from './page-flags.ts';

/** Of `count` host pages from `hvn` on: how many leaves were used since this was last asked. The caller holds no lock. */
export function clearYoung(mem: Shared, vm: Vm, hvn: Hvn, count: number): number {
  mem.emit?.({
    event: 'kvm_age_hva',
    start: hvnToHva(hvn),
    end: hvnToHva((hvn + count) as Hvn),
  } satisfies MmuEvent);
  return countYoung(mem, vm, { hvn, count }, ageLeaf);
}

/** The same, and nothing is forgotten. KVM asks for one page at a time, and so says the event. */
export function testYoung(mem: Shared, vm: Vm, hvn: Hvn, count: number): number {
  mem.emit?.({ event: 'kvm_test_age_hva', hva: hvnToHva(hvn) } satisfies MmuEvent);
  return countYoung(mem, vm, { hvn, count }, () => {});
}

type Visit = (mem: Shared, vm: Vm, entry: Entry, seen: Spte) => void;

function countYoung(mem: Shared, vm: Vm, { hvn, count }: HostRange, visit: Visit): number {
  assertOutside(mem);
  // KVM: an SRCU section. Here the slots stand still meanwhile, as they do for an invalidation.
  holdMemslots(mem, vm);
  const slots = readMemslots(mem, vm, mem.load32(vm.at.memslots));
  mem.writeLock(vm.at.mmu_lock);
  let young = 0;
  for (const range of gfnRanges(slots, hvn, count)) {
    forEachLeaf(mem, vm, range, (entry, seen) => {
      if (!isAccessed(seen)) return;
      visit(mem, vm, entry, seen);
      young++;
    });
  }
  mem.writeUnlock(vm.at.mmu_lock);
  releaseMemslots(mem, vm);
  return young;
}

/** `seen` is of an accessed leaf, read under this lock: only W, A and D may have been set since. */
export function ageLeaf(mem: Shared, vm: Vm, entry: Entry, seen: Spte): void {
  if (isAdEnabled(seen.high)) {
    // One bit, atomically: a store of what was seen would lose the D that hardware sets meanwhile. Litmus: hardware-dirty-lost.
    if (vm.tdpMmuEnabled) clearSpteBits(mem, entry, PT_ACCESSED_MASK);
    else mmuSpteClearBit(mem, entry.sptep, PT_ACCESSED_MASK);
    return;
  }
  const old = vm.tdpMmuEnabled
    ? writeSpte(mem, entry, seen, markForAccessTrack(seen))
    : mmuSpteTrack(mem, entry, seen);
  // By what the exchange found: the fast path may have set W since, and with W goes all that was known of stores. KVM asks
  // the value that it saw before. Litmus: access-track-dirty-lost.
  if (isWritable(old.low)) setPfnDirty(mem, vm, entry, old);
}
