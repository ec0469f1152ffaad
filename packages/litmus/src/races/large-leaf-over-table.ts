// Result: Sometimes; with a grace period before the table is freed: Never.
//
// A fault puts a large leaf in the place of a table and frees the table, in which another vCPU is walking.
// Source: KVM, handle_removed_pt() and tdp_mmu_free_sp_rcu_callback().
import { modeAddress, type Shared } from '@faultline/atomics';
import { collapseHugePage, OUTSIDE_GUEST_MODE } from '@faultline/mmu';
import { guestStoreOnce } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { pageTableLaws } from '../properties.ts';
import { withoutLooking } from '../seam/without.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, guestWrite, hvn0 } from '../small-vm.ts';
import { HUGE_PAGES, isLarge, mapSmall } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';

type Free = (mem: Shared) => Shared;

/** Neither the flush nor the grace period waits for vCPU 1. Either is enough here: no translation caches are modelled. */
const atOnce: Free = (mem) => withoutLooking(mem, modeAddress(1), OUTSIDE_GUEST_MODE);

export const LARGE_LEAF_OVER_TABLE: readonly Litmus[] = brokenAndRepaired<Free>({
  name: 'large-leaf-over-table',
  title: 'A fault replaces a table by a large leaf and frees it under a walk of another vCPU',
  violates: 'use after free',
  source: 'KVM, handle_removed_pt() and tdp_mmu_free_sp_rcu_callback()',
  story:
    'The host has put the pages of a table together. The first fault maps them by one large leaf, where the table was. ' +
    'Another vCPU has read the entry before and is about to read the table, which is free by then and may be anything.',
  fix: 'Free the table when every vCPU has been seen outside since it was unlinked.',
  links: [
    'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/arch/x86/kvm/mmu/tdp_mmu.c?h=v6.12',
  ],
  broken: atOnce,
  repaired: (mem) => mem,
  make: (name, free) =>
    race({
      name,
      vm: HUGE_PAGES,
      flags: 0,
      setup(mem, vm) {
        mapSmall(mem, vm);
        collapseHugePage(mem, vm, hvn0);
      },
      vcpus: [(mem, vm, vcpu) => guestWrite(gfn0, 1)(free(mem), vm, vcpu), guestStoreOnce(gfn1, 1)],
      always: pageTableLaws,
      sometimes: { 'the large leaf is there': isLarge },
      oops: 'a vCPU reads its translation from memory that is used for something else',
    }),
});
