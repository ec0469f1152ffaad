// Result: Never
//
// A slow fault asks the host for a page that KSM is about to protect; it reads the sequence number first.
// Source: KVM's is_page_fault_stale() and mmu_invalidate_retry(); the order is the one of the slow path of today.
import type { Program } from '@faultline/checker';
import { invalidateRangeEnd, invalidateRangeStart, slowPageFault } from '@faultline/mmu';
import { type FaultHandler, guestWriteBy } from '../historical/guest-store.ts';
import { merge } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import {
  contentOf,
  framesAreAccountedFor,
  leafIsWritable,
  mergedPagesHold,
  pageIsMerged,
  pageTableLaws,
} from '../properties.ts';
import { type Race, race } from '../setting.ts';
import { gfn0, hvn0, touch } from '../small-vm.ts';
import { keptByKsmd } from './ksm-merge.ts';

const BEFORE = 7;

/** A vCPU stores to a page that is not mapped, by `slow`, while ksmd takes it. */
export const ksmAgainstSlowPath = (
  name: string,
  slow: FaultHandler,
  more: Partial<Race>,
): Program =>
  race({
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0, BEFORE);
      invalidateRangeStart(mem, vm, hvn0, 1);
      invalidateRangeEnd(mem, vm, hvn0, 1);
    },
    vcpus: [guestWriteBy({ slow }, gfn0, 1)],
    agents: { ksmd: merge(hvn0, BEFORE) },
    oops: 'the guest writes a page that others share',
    ...more,
    always: { ...more.always, 'a merged page never changes': mergedPagesHold(BEFORE) },
  });

export const slowPathOrder: Litmus = {
  name: 'slow-path-order',
  title:
    'A slow fault asks the host for a page that KSM is about to protect, sequence number first.',
  result: 'Never',
  source: 'KVM: kvm_faultin_pfn(), is_page_fault_stale()',
  story:
    'A vCPU faults on a page that is not mapped. It reads the sequence number, asks the host for the page, and takes ' +
    'mmu_lock. KSM may protect and merge the page at any point of this.',
  fix: 'The number is older than the answer: any withdrawal after the answer shows in it, or is still in progress.',
  links: [],
  program: () =>
    ksmAgainstSlowPath('slow-path-order', slowPageFault, {
      always: pageTableLaws,
      sometimes: {
        'the page is merged': pageIsMerged(hvn0),
        'KSM finds the page mapped': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_invalidate_in_progress) === 1,
      },
      finally: {
        'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
        'every frame has the references of its users': framesAreAccountedFor(keptByKsmd),
      },
    }),
};
