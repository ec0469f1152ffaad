// What has to hold of a small VM, said with the MMU's own functions: the laws S1, S2 and S4 of its page table, of the pages
// that are shared, and of the dirty log. All of them only load.
//
// In a small VM slot 0 leads gfn n to host page n.
import { MODE_STATE, modeAddress, type Shared } from '@faultline/atomics';
import {
  clientBitmap,
  entryAt,
  forEachSpte,
  type Gfn,
  type Hvn,
  hostPtePfn,
  IN_GUEST_MODE,
  illegalState,
  isHostPteKsm,
  isHostPtePresent,
  isHostPteWritable,
  isHostWritable,
  isLastSpte,
  isMmuWritable,
  isShadowPresent,
  isWritable,
  makeSmallSpte,
  type Pfn,
  pageBase,
  pageRefcount,
  pagesPerEntry,
  type Spte,
  spteToPfn,
  type Vm,
  validRoot,
} from '@faultline/mmu';
import type { VmEnd, VmProperty } from './setting.ts';
import { hostPte } from './small-vm.ts';

export const implies = (a: boolean, b: boolean): boolean => !a || b;

/** Calls `visit` for every present entry, be its root the valid one or not. */
export function everySpte(mem: Shared, vm: Vm, visit: Parameters<typeof forEachSpte>[2]): void {
  for (const root of vm.roots) forEachSpte(mem, vm, visit, root);
}

/** Holds of every leaf that is present; of a large one, of each of its pages. */
const ofEveryLeaf =
  (law: (leaf: Spte, host: number) => boolean): VmProperty =>
  (mem, vm) => {
    let holds = true;
    everySpte(mem, vm, (spte, level, gfn) => {
      if (!isLastSpte(spte.low, level)) return;
      for (let page = 0; page < pagesPerEntry(level, vm.geometry.indexBits); page++) {
        holds &&= law(makeSmallSpte(spte, page), hostPte(mem, vm, (gfn + page) as number as Hvn));
      }
    });
    return holds;
  };

export const wImpliesMmuWritable: VmProperty = ofEveryLeaf(({ low }) =>
  implies(isWritable(low), isMmuWritable(low)),
);
export const mmuWritableImpliesHostWritable: VmProperty = ofEveryLeaf(({ low }) =>
  implies(isMmuWritable(low), isHostWritable(low)),
);

export const everySpteIsLegal: VmProperty = (mem, vm) => {
  let legal = true;
  everySpte(mem, vm, (spte, level) => {
    legal &&= illegalState(spte, level) === undefined;
  });
  return legal;
};

/**
 * The page that the host names now, and the right to write it only where the host gives it. The shipped notifier makes
 * it hold at every instant: it zaps before the host changes its entry, and nobody maps until it has.
 */
export const noLeafGrantsMoreThanTheHost: VmProperty = ofEveryLeaf(
  ({ low, high }, host) =>
    isHostPtePresent(host) &&
    spteToPfn(low, high) === hostPtePfn(host) &&
    implies(isWritable(low) || isMmuWritable(low), isHostPteWritable(host)),
);

/** Of every path of today. */
export const pageTableLaws: Readonly<Record<string, VmProperty>> = {
  'W implies MMU-writable': wImpliesMmuWritable,
  'MMU-writable implies host-writable': mmuWritableImpliesHostWritable,
  'every spte is in a legal state': everySpteIsLegal,
  'no leaf grants what the host does not': noLeafGrantsMoreThanTheHost,
};

const hostPages = (vm: Vm): Hvn[] => Array.from({ length: vm.hostPages }, (_, hvn) => hvn as Hvn);

/** A word of the page that the host names for `hvn`; the first one if not said. */
export const contentOf = (mem: Shared, vm: Vm, hvn: Hvn, word = 0): number =>
  mem.guestLoad(pageBase(vm, hostPtePfn(hostPte(mem, vm, hvn))) + word);

/** Every page that is marked as shared still holds `content`. */
export const mergedPagesHold =
  (content: number): VmProperty =>
  (mem, vm) =>
    hostPages(vm).every((hvn) =>
      implies(isHostPteKsm(hostPte(mem, vm, hvn)), contentOf(mem, vm, hvn) === content),
    );

export const pageIsMerged =
  (hvn: Hvn): VmProperty =>
  (mem, vm) =>
    isHostPteKsm(hostPte(mem, vm, hvn));

/** No present leaf leads to a frame that the host has taken back. */
export const noFreePageIsMapped: VmProperty = (mem, vm) => {
  let holds = true;
  everySpte(mem, vm, ({ low, high }, level) => {
    if (isLastSpte(low, level)) holds &&= pageRefcount(mem, vm, spteToPfn(low, high)) > 0;
  });
  return holds;
};

const isPermutation = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && new Set(a).size === a.length && a.every((pfn) => b.includes(pfn));

/**
 * With nobody on the way: a frame has as many references as host ptes that lead to it and holders that kept one, `held`;
 * those with none, and no others, are on the stack of free frames, each once. `pfns` as in the race's setting.
 */
export const framesAreAccountedFor =
  (held: VmEnd<readonly number[]> = () => [], pfns?: readonly number[]): VmEnd =>
  (mem, vm, results) => {
    const mapped = hostPages(vm)
      .map((hvn) => hostPte(mem, vm, hvn))
      .filter(isHostPtePresent);
    const users = [...mapped.map(hostPtePfn), ...held(mem, vm, results)];
    const usersOf = (pfn: number): number => users.filter((user) => user === pfn).length;
    const stack = vm.at.free_pages;
    const free = Array.from({ length: mem.load32(stack) }, (_, i) => mem.load32(stack + 4 + i * 4));
    const all = pfns ?? Array.from({ length: vm.pageFrames }, (_, pfn) => pfn);
    return (
      all.every((pfn) => pageRefcount(mem, vm, pfn as Pfn) === usersOf(pfn)) &&
      isPermutation(
        free,
        all.filter((pfn) => usersOf(pfn) === 0),
      )
    );
  };

export const isMarked = (mem: Shared, vm: Vm, hvn: Hvn): boolean =>
  ((mem.load32(vm.at.dirty_bitmap) >>> hvn) & 1) !== 0;
export const isTold = (mem: Shared, vm: Vm, hvn: Hvn): boolean =>
  ((mem.load32(clientBitmap(vm, 0)) >>> hvn) & 1) !== 0;

/** With the vCPUs stopped: a page that is neither marked nor told of is as `copied` says; what it does not say is 0. */
export const logIsComplete =
  (copied: (results: Readonly<Record<string, unknown>>) => Copy): VmEnd =>
  (mem, vm, results) => {
    const copy = copied(results);
    return hostPages(vm).every(
      (hvn) =>
        !isHostPtePresent(hostPte(mem, vm, hvn)) ||
        isMarked(mem, vm, hvn) ||
        isTold(mem, vm, hvn) ||
        contentOf(mem, vm, hvn) === (copy[hvn] ?? 0),
    );
  };

/** What a migration has sent, by host page. */
export type Copy = Readonly<Record<number, number>>;

export const isInGuest = (mem: Shared, vcpu: number): boolean =>
  (mem.load32(modeAddress(vcpu)) & MODE_STATE) === IN_GUEST_MODE;

/** The leaf of a gfn, in a page table of one level, under the valid root. */
export const leafOf = (mem: Shared, vm: Vm, gfn: number): Spte => ({
  low: mem.load64(entryAt(vm, validRoot(mem, vm), gfn as Gfn, 1)),
  high: mem.high,
});
export const leafIsWritable = (mem: Shared, vm: Vm, gfn: number): boolean => {
  const { low } = leafOf(mem, vm, gfn);
  return isShadowPresent(low) && isWritable(low);
};
/** Under whichever root. */
export const leafIsPresent = (mem: Shared, vm: Vm, gfn: number): boolean =>
  vm.roots.some((root) => isShadowPresent(mem.load64(entryAt(vm, root, gfn as Gfn, 1))));
