// Result: Sometimes; with a look whether anything is being withdrawn: Never.
//
// A fault maps the neighbour of its page in advance, while ksmd takes the right to write that neighbour, and merges it.
// Source: mmu/src/fault/direct-pte-prefetch.ts; KVM: direct_pte_prefetch() looks at mmu_invalidate_in_progress.
import type { Shared } from '@faultline/atomics';
import {
  directPtePrefetch,
  faultInHostPage,
  hostPtePfn,
  pageBase,
  prefetchAround,
  putPage,
  type Vm,
} from '@faultline/mmu';
import { merge } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable, mergedPagesHold, pageIsMerged } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { race, type VcpuThread } from '../setting.ts';
import { gfn0, gfn1, guestWrite, hvn1, inGuest, leafAt, touch } from '../small-vm.ts';

const BEFORE = 7;
const A_MERGED_PAGE = 'a merged page never changes';
type Prefetch = typeof directPtePrefetch;

/** The host has page 1, and the guest has not touched it yet. */
function hostTouches(mem: Shared, vm: Vm): void {
  const pfn = hostPtePfn(faultInHostPage(mem, vm, hvn1, true));
  mem.guestStore(pageBase(vm, pfn), BEFORE);
  putPage(mem, vm, pfn);
}

/** The end of a slow fault on gfn 0, which is mapped; then the guest stores to gfn 1. */
const prefetchAndStore = (prefetch: Prefetch): VcpuThread => ({
  outside(mem, vm, vcpu) {
    Object.assign(vcpu.fault, { gfn: gfn0, level: 1, sptep: leafAt(vm, gfn0) });
    mem.writeLock(vm.at.mmu_lock);
    prefetch(mem, vm, vcpu.fault);
    mem.writeUnlock(vm.at.mmu_lock);
    inGuest(mem, vm, vcpu, guestWrite(gfn1, 1));
  },
});

export const PREFETCH_UNCHECKED: readonly Litmus[] = brokenAndRepaired<Prefetch>({
  name: 'legacy-prefetch-unchecked',
  title: 'A fault maps a neighbour in advance while the right to write it is being withdrawn',
  violates: A_MERGED_PAGE,
  source: 'mmu/src/fault/direct-pte-prefetch.ts',
  story:
    'ksmd has begun an invalidation: what maps the page is zapped, and its host pte still lets it be written. The fault, on ' +
    'another page, gets mmu_lock and maps the page by that host pte. ksmd protects and merges it, and the guest stores.',
  fix:
    'Under mmu_lock, and before a host pte is read: map nothing in advance while an invalidation is in progress. One that begins ' +
    'later waits for the lock, and zaps what was mapped.',
  links: [],
  broken: prefetchAround,
  repaired: directPtePrefetch,
  make: (name, prefetch) =>
    race({
      name,
      vm: { mmu: 'legacy' },
      flags: 0,
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        hostTouches(mem, vm);
      },
      vcpus: [prefetchAndStore(prefetch)],
      agents: { ksmd: merge(hvn1, BEFORE) },
      always: { [A_MERGED_PAGE]: mergedPagesHold(BEFORE) },
      sometimes: {
        'the page is merged': pageIsMerged(hvn1),
        'it is mapped in advance': (mem, vm) =>
          leafIsWritable(mem, vm, gfn1) && mem.load32(vm.at.mmu_lock) !== 0,
      },
      oops: 'the guest writes a page that others share',
    }),
});
