// Result: Never
//
// KSM write-protects and merges a page while a vCPU repairs its fault on it by the fast path.
// Source: the review of the first patchset, April 2012 (Marcelo Tosatti), with the notifier of today.
import type { Program } from '@faultline/checker';
import { fastPageFault, newVcpu, writeProtectHostPage } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import { merge, type Protect } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import {
  contentOf,
  framesAreAccountedFor,
  isInGuest,
  leafIsPresent,
  leafIsWritable,
  mergedPagesHold,
  pageIsMerged,
  pageTableLaws,
} from '../properties.ts';
import { type Race, race, type VmEnd } from '../setting.ts';
import { gfn0, guestWrite, harvestAll, hvn0, inGuest, touch } from '../small-vm.ts';

const BEFORE = 7;
/** The frame that page 0 has in the beginning. */
const FRAME = 0;
const A_MERGED_PAGE = 'a merged page never changes';

/** A vCPU stores to a page that another has made writable and a harvest has protected; ksmd takes it with `protect`. */
export const ksmAgainstFastPath = (name: string, protect: Protect, more: Partial<Race>): Program =>
  race({
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0, BEFORE);
      harvestAll(mem, vm);
    },
    vcpus: [guestWriteBy({ fast: fastPageFault }, gfn0, 1)],
    agents: { ksmd: merge(hvn0, BEFORE, protect) },
    oops: 'the guest writes a page that others share',
    ...more,
    always: { ...more.always, [A_MERGED_PAGE]: mergedPagesHold(BEFORE) },
  });

/** Who makes a page the shared one keeps a reference to it. */
export const keptByKsmd: VmEnd<readonly number[]> = (_mem, _vm, { ksmd }) =>
  ksmd === true ? [FRAME] : [];

export const ksmMerge: Litmus = {
  name: 'ksm-merge',
  title:
    'KSM write-protects and merges a page while a vCPU repairs its fault on it by the fast path.',
  result: 'Never',
  source: 'linux-kvm, April 2012, review of "KVM: MMU: fast page fault"; the notifier as merged',
  story:
    'A vCPU stores to a page that dirty logging has write-protected: one cmpxchg would repair the fault. At the same ' +
    'time KSM takes the right to write from the host pte, and then lets others share the page.',
  fix:
    'The notifier zaps the spte before the host pte changes. A cmpxchg with an older value fails, one that came first is ' +
    'undone and flushed, and whoever faults afterwards asks the host and gets a copy.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  program: () =>
    ksmAgainstFastPath('ksm-merge', writeProtectHostPage, {
      vm: { pageWords: 2 },
      setup: (mem, vm) => {
        touch(mem, vm, gfn0, BEFORE);
        inGuest(mem, vm, newVcpu(0), guestWrite(gfn0, BEFORE, 1));
        harvestAll(mem, vm);
      },
      always: pageTableLaws,
      sometimes: {
        'the page is merged': pageIsMerged(hvn0),
        'the leaf is zapped under a vCPU in the guest': (mem, vm) =>
          !leafIsPresent(mem, vm, gfn0) && isInGuest(mem, 0),
        'the fast path was first': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_invalidate_in_progress) === 1,
      },
      finally: {
        'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
        'what nobody stores to stays as it was': (mem, vm) =>
          contentOf(mem, vm, hvn0, 1) === BEFORE,
        'every frame has the references of its users': framesAreAccountedFor(keptByKsmd),
      },
    }),
};
