// KVM_CLEAR_DIRTY_LOG: take from the log just the pages that the caller names, write-protect those that were in it, flush.
//
// With manual protection (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) a page stays in the log, and writable, from the harvest that
// told of it until somebody clears it. Who clears is one of several clients, and the right to write is everybody's; so:
//
//   - a client clears a page before it copies it, and only pages that it has been told of (`takeDirty`);
//   - what a clear takes from the log, it hands to all other clients: they are told once more, and lose nothing;
//   - a client that never clears loses nothing either: until somebody clears the page each harvest tells of it again.
import { assertOutside, type Shared } from '@faultline/atomics';
import type { Gfn, Hvn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { findSlot, hvnToGfn, isLogged, type Memslot, readMemslots } from '../vm/memslots.ts';
import { trySplitHugePages } from '../vm/split-huge-page.ts';
import { clientBitmap, forEachLong, forEachWord, tellClients, visitBits } from './dirty-bitmap.ts';
import { pageProtector } from './page-protector.ts';

/** KVM: struct kvm_clear_dirty_log. */
export interface ClearRange {
  /** First page within the slot, a multiple of 64. */
  readonly firstPage: number;
  /** A multiple of 64, unless the range ends where the slot does. */
  readonly numPages: number;
  /** 32-bit words; bit 0 of the first is `firstPage`. */
  readonly bits: ArrayLike<number>;
  /** The client that clears, which is not told. */
  readonly client?: number;
}

/**
 * Clears the named pages of slot `id`; how many of them were dirty. The next store to any of these faults. Nothing is dirty in
 * a slot that is not logged (KVM: -ENOENT). Throws a RangeError when there is no such slot, or for a range that KVM refuses.
 */
export function clearDirtyLog(mem: Shared, vm: Vm, id: number, range: ClearRange): number {
  assertOutside(mem);
  if (range.client !== undefined) clientBitmap(vm, range.client);
  mem.lock(vm.at.slots_lock);
  const pages: Hvn[] = [];
  try {
    const slot = findSlot(readMemslots(mem, vm, mem.load32(vm.at.memslots)), id);
    checkRange(slot, range);
    if (isLogged(slot)) {
      clearAndProtect(mem, vm, slot, range, pages);
    }
    // As in getDirtyLog: a page that was in the log is flushed whoever took its W, and told of after that.
    if (pages.length > 0) flushRemoteTlbs(mem, vm);
    tellClients(mem, vm, pages, range.client);
  } finally {
    mem.unlock(vm.at.slots_lock);
  }
  mem.emit?.({ event: 'clear_dirty_log', slot: id, ...rangeOf(range), cleared: pages.length });
  return pages.length;
}

const rangeOf = ({ firstPage, numPages }: ClearRange) => ({
  first_page: firstPage,
  num_pages: numPages,
});

/** Where the log began with all pages nobody has split them yet. KVM: kvm_arch_mmu_enable_log_dirty_pt_masked(). */
const isSplitNow = (vm: Vm): boolean =>
  vm.tdpMmuEnabled &&
  vm.maxLevel > 1 &&
  vm.eagerPageSplit &&
  vm.manualDirtyLogProtect === 'initially-set';

/** KVM: kvm_clear_dirty_log_protect(). */
function clearAndProtect(
  mem: Shared,
  vm: Vm,
  slot: Memslot,
  { firstPage, numPages, bits }: ClearRange,
  pages: Hvn[],
): void {
  const hvn = (slot.hvn + firstPage) as Hvn;
  // For writing: a slow fault that marks first, as KVM's does, would set W after this has found it clear. Litmus:
  // clear-under-read-lock.
  mem.writeLock(vm.at.mmu_lock);
  const protect = pageProtector(mem, vm, slot);
  const splits = isSplitNow(vm);
  forEachLong({ hvn, npages: numPages }, (long) => {
    // Emptied before the pages are protected: a fault between the two marks again. Litmus: clear-protects-before-taking.
    const from = pages.length;
    forEachWord(vm.at.dirty_bitmap, long, (word, mask, first) => {
      const named = bitsFrom(bits, first - hvn) & mask;
      if (named === 0) return;
      visitBits(mem.and32(word, ~named) & named, first, (page) => pages.push(page));
    });
    if (splits && from < pages.length) {
      const start = hvnToGfn(slot, pages[from] as Hvn);
      const end = (hvnToGfn(slot, pages.at(-1) as Hvn) + 1) as Gfn;
      trySplitHugePages(mem, vm, { start, end });
    }
    for (let n = from; n < pages.length; n++) protect(hvnToGfn(slot, pages[n] as Hvn));
  });
  mem.writeUnlock(vm.at.mmu_lock);
}

/** The 32 bits from bit `from` on, which may lie before or beyond the array. */
function bitsFrom(bits: ArrayLike<number>, from: number): number {
  const shift = from & 31;
  const low = (bits[from >> 5] ?? 0) >>> shift;
  return shift === 0 ? low : low | ((bits[(from >> 5) + 1] ?? 0) << (32 - shift));
}

/** KVM: -EINVAL. */
function checkRange({ id, npages }: Memslot, { firstPage, numPages, bits }: ClearRange): void {
  const refuse = (expected: string): never => {
    const range = `pages ${firstPage} + ${numPages} of slot ${id}, which has ${npages}`;
    throw new RangeError(`expected ${expected}, got ${range}`);
  };
  if (!(Number.isInteger(firstPage) && firstPage >= 0 && firstPage % 64 === 0)) {
    refuse('a first page that is a multiple of 64');
  }
  if (!(Number.isInteger(numPages) && numPages >= 0 && firstPage + numPages <= npages)) {
    refuse('pages within the slot');
  }
  if (numPages % 64 !== 0 && firstPage + numPages !== npages) {
    refuse('a multiple of 64 pages, or all up to the end of the slot');
  }
  if (bits.length * 32 < numPages) refuse(`a bit for each page in ${bits.length} words`);
}
