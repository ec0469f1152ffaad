// Result: Sometimes; with one snapshot, taken first: Never.
//
// A fault takes the sequence number, asks the host, and takes the number once more: what happened in between is forgotten.
// Source: KVM commit f66e50ed09b3 (May 2024).
import { invalidateRangeEnd, invalidateRangeStart, writeProtectHostPage } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { leafIsPresent } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, hvn0, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';
import { protectAndRead, protectedPageStandsStill } from './protected-page.ts';
import { SHIPPED, type Steps, slowPageFaultBy } from './slow-path.ts';

export const SECOND_SNAPSHOT: readonly Litmus[] = brokenAndRepaired<Steps>({
  name: 'b23-second-snapshot',
  title: 'A fault refreshes its sequence number after it has asked',
  violates: 'a protected page stands still',
  source: 'KVM commit f66e50ed09b3 (May 2024)',
  story:
    'The fault took its snapshot, checked an attribute of the page, and took the snapshot again, for fear that the first ' +
    'might be old. Whatever changed in between then looks as if it had come before both. Here what is asked is the host ' +
    'page: KSM protects it between the two snapshots, and the fault maps it writable.',
  fix: 'One snapshot, before the first question.',
  links: ['https://git.kernel.org/linus/f66e50ed09b3'],
  broken: {
    ...SHIPPED,
    seqAfterHostPage: (mem, vm) => mem.load32(vm.at.mmu_invalidate_seq),
  },
  repaired: SHIPPED,
  make: (name, steps) =>
    race({
      name,
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        invalidateRangeStart(mem, vm, hvn0, 1);
        invalidateRangeEnd(mem, vm, hvn0, 1);
      },
      vcpus: [guestWriteBy({ slow: slowPageFaultBy(steps) }, gfn0, 1)],
      agents: { ksmd: protectAndRead(writeProtectHostPage) },
      finally: { 'a protected page stands still': protectedPageStandsStill },
      sometimes: {
        'the page is mapped before it is protected': (mem, vm) =>
          leafIsPresent(mem, vm, gfn0) && mem.load32(vm.at.mmu_invalidate_seq) === 1,
      },
      oops: 'KSM shares a page that a guest is writing',
    }),
});
