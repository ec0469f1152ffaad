// The free page frames: a stack of them. Where there are huge pages it is also known where in the stack a frame lies, and
// how many frames of each aligned block are free, so that a whole block can be taken out of its middle. free_pages_lock held.
//
//   free_pages            count | pfn ...      single frames come from its top, and at first that is the lowest one
//   free_page_index       per frame: 1 + its place in the stack, 0 when it is in use
//   free_pages_in_block   per block: how many of its frames are free
//
// Linux has a buddy allocator; what matters to the MMU is only that a huge page is contiguous and aligned.
import type { Shared } from '@faultline/atomics';
import type { Pfn } from '../address.ts';
import { hugePageBlocks, type Vm } from '../memory-map.ts';

const entry = (vm: Vm, index: number): number => vm.at.free_pages + 4 + (index << 2);
const indexOf = (vm: Vm, pfn: number): number => vm.at.free_page_index + (pfn << 2);
const freeIn = (vm: Vm, block: number): number => vm.at.free_pages_in_block + (block << 2);

/** The top of the stack, or -1. */
export function popFreePage(mem: Shared, vm: Vm): Pfn {
  const top = mem.load32(vm.at.free_pages) - 1;
  if (top < 0) return -1 as Pfn;
  const pfn = mem.load32(entry(vm, top)) as Pfn;
  mem.store32(vm.at.free_pages, top);
  if (vm.maxLevel > 1) forget(mem, vm, pfn);
  return pfn;
}

export function pushFreePage(mem: Shared, vm: Vm, pfn: Pfn): void {
  const top = mem.load32(vm.at.free_pages);
  place(mem, vm, pfn, top);
  mem.store32(vm.at.free_pages, top + 1);
  if (vm.maxLevel > 1) countFree(mem, vm, pfn, 1);
}

/** The first frame of an aligned block, all of it taken from the stack; -1 when no block is free. The highest ones first. */
export function takeFreeBlock(mem: Shared, vm: Vm): Pfn {
  const { indexBits } = vm.geometry;
  const pages = 1 << indexBits;
  for (let block = hugePageBlocks(vm) - 1; block >= 0; block--) {
    if (mem.load32(freeIn(vm, block)) !== pages) continue;
    const first = block << indexBits;
    for (let pfn = first; pfn < first + pages; pfn++) takeFromMiddle(mem, vm, pfn as Pfn);
    return first as Pfn;
  }
  return -1 as Pfn;
}

/** Every frame free, the lowest on top. One thread, before the others start. */
export function initFreePages(mem: Shared, vm: Vm): void {
  for (let pfn = vm.pageFrames - 1; pfn >= 0; pfn--) pushFreePage(mem, vm, pfn as Pfn);
}

/** The top of the stack takes its place. */
function takeFromMiddle(mem: Shared, vm: Vm, pfn: Pfn): void {
  const top = mem.load32(vm.at.free_pages) - 1;
  const last = mem.load32(entry(vm, top)) as Pfn;
  place(mem, vm, last, mem.load32(indexOf(vm, pfn)) - 1);
  mem.store32(vm.at.free_pages, top);
  forget(mem, vm, pfn);
}

function place(mem: Shared, vm: Vm, pfn: Pfn, index: number): void {
  mem.store32(entry(vm, index), pfn);
  if (vm.maxLevel > 1) mem.store32(indexOf(vm, pfn), index + 1);
}

function forget(mem: Shared, vm: Vm, pfn: Pfn): void {
  mem.store32(indexOf(vm, pfn), 0);
  countFree(mem, vm, pfn, -1);
}

function countFree(mem: Shared, vm: Vm, pfn: Pfn, change: number): void {
  const block = pfn >>> vm.geometry.indexBits;
  // Frames behind the last whole block make no huge page.
  if (block < hugePageBlocks(vm)) mem.add32(freeIn(vm, block), change);
}
