// Result: Never
//
// A migration harvests the dirty log and copies a page while the fast path gives a vCPU the right to write it.
// Source: fast_pf_fix_direct_spte() of KVM, where the mark follows the cmpxchg.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import { fastPageFault, getDirtyLog, takeDirty, type Vm } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import {
  type Copy,
  contentOf,
  isMarked,
  isTold,
  leafIsWritable,
  logIsComplete,
  pageTableLaws,
} from '../properties.ts';
import { type Race, race, type VcpuThread } from '../setting.ts';
import { gfn0, harvestAll, hvn0, touch } from '../small-vm.ts';

/** One round of a migration: takes the log and sends the pages that it names. */
export function round(mem: Shared, vm: Vm): Copy {
  const copy: Record<number, number> = {};
  getDirtyLog(mem, vm, 0);
  takeDirty(mem, vm, { hvn: hvn0, npages: vm.hostPages }, 0, (hvn) => {
    copy[hvn] = contentOf(mem, vm, hvn);
  });
  return copy;
}

/** vCPUs store to a page that was sent and protected, while a migration does another round. */
export const migrationAgainst = (
  name: string,
  vcpus: readonly VcpuThread[],
  more: Partial<Race>,
): Program =>
  race({
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0);
      harvestAll(mem, vm);
    },
    vcpus,
    agents: { migration: round },
    finally: {
      'a page that is not marked was sent as it is': logIsComplete((r) => r.migration as Copy),
    },
    oops: 'the vCPUs are stopped, the log is clean, and the copy is not what the guest wrote',
    ...more,
  });

const write = (value: number) => guestWriteBy({ fast: fastPageFault }, gfn0, value);

export const markDirtyAfterCmpxchg: Litmus = {
  name: 'mark-dirty-after-cmpxchg',
  title:
    'A migration harvests the log and copies a page while two vCPUs repair their faults on it.',
  result: 'Never',
  source: 'KVM: fast_pf_fix_direct_spte()',
  story:
    'The fast path sets W, then marks the page in the dirty log. A harvest may come before the cmpxchg, after the mark, or ' +
    'between the two, where the page is writable and the log does not say so.',
  fix:
    'The mark follows the cmpxchg: a harvest that comes before or between leaves the mark for the next round. The last ' +
    'round of a migration is taken with the vCPUs stopped, when every mark has been made.',
  links: [],
  program: () =>
    migrationAgainst('mark-dirty-after-cmpxchg', [write(1), write(2)], {
      always: pageTableLaws,
      sometimes: {
        'the page is writable and not marked': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && !isMarked(mem, vm, hvn0),
        'a harvest takes the mark of a page that is written': (mem, vm) =>
          isTold(mem, vm, hvn0) && contentOf(mem, vm, hvn0) !== 0,
      },
    }),
};
