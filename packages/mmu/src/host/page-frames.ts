// The host's page frames: a count of references each (one per host pte, and one per user in passing), and a stack of the
// free ones. A freed frame is filled with a pattern, so that whoever still reads it reads nonsense.
import type { Shared } from '@faultline/atomics';
import type { Pfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { initFreePages, popFreePage, pushFreePage } from './free-pages.ts';
import { clearPageFlags, markFrameDirty } from './page-flags.ts';

const POISON = 0x6b6b_6b6b;

const refcount = (vm: Vm, pfn: Pfn): number => vm.at.page_refcount + (pfn << 2);
/** Index of the first word of a page frame in guest memory. */
export const pageBase = (vm: Vm, pfn: Pfn): number => pfn * vm.pageWords;

/** A frame with one reference and `content` in every word. Throws a RangeError when the host has none left. */
export function allocPage(mem: Shared, vm: Vm, content = 0): Pfn {
  mem.lock(vm.at.free_pages_lock);
  const pfn = popFreePage(mem, vm);
  mem.unlock(vm.at.free_pages_lock);
  if (pfn < 0) {
    throw new RangeError(
      `expected a free host page, got none of ${vm.pageFrames}; usual cause: fewer pageFrames than hostPages`,
    );
  }
  handOut(mem, vm, pfn, content);
  return pfn;
}

/** Fills the frame and gives its first reference: the caller's. */
export function handOut(mem: Shared, vm: Vm, pfn: Pfn, content: number): void {
  fillPage(mem, vm, pfn, content);
  clearPageFlags(mem, vm, pfn);
  mem.store32(refcount(vm, pfn), 1);
}

/** Takes a reference unless the frame is free. KVM's caller: get_user_page_fast_only(). */
export function tryGetPage(mem: Shared, vm: Vm, pfn: Pfn): boolean {
  for (;;) {
    const count = mem.load32(refcount(vm, pfn));
    if (count === 0) return false;
    // Not a plain add: on a frame being handed out again it would be lost, or give the frame to nobody.
    if (mem.cmpxchg32(refcount(vm, pfn), count, count + 1)) return true;
  }
}

/** Another reference to a frame that the caller has one of. */
export const getPage = (mem: Shared, vm: Vm, pfn: Pfn): number => mem.add32(refcount(vm, pfn), 1);
export const pageRefcount = (mem: Shared, vm: Vm, pfn: Pfn): number =>
  mem.load32(refcount(vm, pfn));

/** Gives a reference back; the last one frees the frame. */
export function putPage(mem: Shared, vm: Vm, pfn: Pfn): void {
  if (mem.add32(refcount(vm, pfn), -1) !== 1) return;
  fillPage(mem, vm, pfn, POISON);
  mem.lock(vm.at.free_pages_lock);
  pushFreePage(mem, vm, pfn);
  mem.unlock(vm.at.free_pages_lock);
}

/** Puts every frame on the free stack. One thread, before the others start. */
export function initPageFrames(mem: Shared, vm: Vm): void {
  initFreePages(mem, vm);
}

function fillPage(mem: Shared, vm: Vm, pfn: Pfn, content: number): void {
  mem.guestFillWords(pageBase(vm, pfn), vm.pageWords, content);
}

/** The copy counts as written: what it holds may be nowhere else before long. */
export function copyPage(mem: Shared, vm: Vm, from: Pfn, to: Pfn): void {
  mem.guestCopyWords(pageBase(vm, to), pageBase(vm, from), vm.pageWords);
  markFrameDirty(mem, vm, to);
}

export function isSameContent(mem: Shared, vm: Vm, a: Pfn, b: Pfn): boolean {
  const left = pageBase(vm, a);
  const right = pageBase(vm, b);
  for (let word = 0; word < vm.pageWords; word++) {
    if (mem.guestLoad(left + word) !== mem.guestLoad(right + word)) return false;
  }
  return true;
}
