// Result: Never
//
// A slot's log has begun, and a large leaf is still there: one vCPU drops it to map a small one, under the fast path of
// another that has found it.
// Source: KVM's drop_large_spte() in the legacy MMU, with eager_page_split off.
import type { Shared } from '@faultline/atomics';
import {
  forEachSpte,
  type Gfn,
  gfnToGpa,
  HOST_PTE_HUGE,
  HOST_PTE_WRITABLE,
  hostPtep,
  isLastSpte,
  KVM_MEM_LOG_DIRTY_PAGES,
  makeHostPte,
  type Pfn,
  setMemslotFlags,
  slowPageFault,
  type Vm,
} from '@faultline/mmu';
import { guestStoreOnce } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, implies, isMarked, pageTableLaws } from '../properties.ts';
import { race, type VcpuBody } from '../setting.ts';
import { gfn0, gfn1, hvn0, hvn1, inGuest, touch } from '../small-vm.ts';
import { fastPageFaultIn, shippedWalk } from './walker.ts';

const WRITE_PROTECTED = 7;

function hasLeafOf(mem: Shared, vm: Vm, wanted: number): boolean {
  let found = false;
  forEachSpte(mem, vm, ({ low }, level) => {
    found ||= level === wanted && isLastSpte(low, level);
  });
  return found;
}

/** Both pages of the VMM's memory are one huge page of the host, on frames 0 and 1. */
function backByHugePage(mem: Shared, vm: Vm): void {
  for (const [hvn, pfn] of [
    [hvn0, 0],
    [hvn1, 1],
  ] as const) {
    const pte = makeHostPte(pfn as Pfn, HOST_PTE_WRITABLE | HOST_PTE_HUGE);
    mem.store32(hostPtep(vm, hvn), pte);
    mem.store32(vm.at.page_refcount + (pfn << 2), 1);
  }
}

/** One fault on a store, repaired by `repair` if it can; and the store, where it may be made then. */
const fault =
  (gfn: Gfn, repair: typeof slowPageFault): VcpuBody =>
  (mem, vm, vcpu) => {
    const error_code = WRITE_PROTECTED;
    const slot = vcpu.fault.memslots.last;
    Object.assign(vcpu.fault, { gfn, addr: gfnToGpa(gfn), error_code, slot });
    return repair(mem, vm, vcpu.fault);
  };
const faultAndStore = (gfn: Gfn, repair: typeof slowPageFault) => ({
  outside: ((mem, vm, vcpu) => {
    fault(gfn, repair)(mem, vm, vcpu);
    inGuest(mem, vm, vcpu, guestStoreOnce(gfn, 1));
  }) satisfies VcpuBody,
});

export const largeLeafDropped: Litmus = {
  name: 'legacy-large-leaf-dropped',
  title: 'A vCPU drops a large leaf of the legacy MMU under the fast path of another.',
  result: 'Never',
  source: 'KVM: drop_large_spte(), kvm_mmu_slot_remove_write_access()',
  story:
    'The leaf was write-protected whole when its log began. A vCPU that stores takes mmu_lock, drops it, links an empty table ' +
    'and maps its page small; another has just found the large leaf, or finds the table.',
  fix:
    'The fast path refuses a large leaf of a logged slot, and its word is zapped before anything else is put there: what is ' +
    'writable is small, and marked by whoever made it so.',
  links: [],
  program: () =>
    race({
      name: 'legacy-large-leaf-dropped',
      flags: 0,
      vm: {
        mmu: 'legacy',
        transparentHugepage: 'always',
        eagerPageSplit: false,
        geometry: { levels: 2, indexBits: 1 },
        pageFrames: 2,
      },
      pfns: [],
      setup(mem, vm) {
        backByHugePage(mem, vm);
        touch(mem, vm, gfn0);
        setMemslotFlags(mem, vm, 0, KVM_MEM_LOG_DIRTY_PAGES);
      },
      vcpus: [
        faultAndStore(gfn0, slowPageFault),
        faultAndStore(gfn1, fastPageFaultIn(shippedWalk)),
      ],
      always: pageTableLaws,
      sometimes: {
        'the leaf is large': (mem, vm) => hasLeafOf(mem, vm, 2),
        'a leaf is small': (mem, vm) => hasLeafOf(mem, vm, 1),
      },
      finally: {
        'the store that was let through arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
        'what was written is marked': (mem, vm) =>
          isMarked(mem, vm, hvn0) &&
          implies(contentOf(mem, vm, hvn1) === 1, isMarked(mem, vm, hvn1)),
      },
      oops: 'a page is written that the log does not know',
    }),
};
