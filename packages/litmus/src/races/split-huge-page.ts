// Result: Sometimes; with a compare-and-exchange: Never.
//
// Two faults split the same large leaf at once, each for a page of its own; the second puts its table over that of the first.
// Source: KVM, tdp_mmu_split_huge_page(), which links the new table by tdp_mmu_link_sp().
import type { Shared } from '@faultline/atomics';
import {
  childTable,
  makeNonleafSpte,
  makeSmallSpte,
  type Spte,
  splitHugePage,
  tableFrame,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { race } from '../setting.ts';
import { HUGE_PAGES, isLarge, largeEntry, mapLargeThenLog } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';

/** Answers the table that it linked, or 0. */
type Split = (mem: Shared, vm: Vm, old: Spte) => number;

const splitByStore: Split = (mem, vm, old) => {
  const table = mem.alloc();
  for (const index of [0, 1]) {
    const { low, high } = makeSmallSpte(old, index);
    mem.store64(table + index * 8, low, high);
  }
  const { low, high } = makeNonleafSpte(tableFrame(vm, table));
  mem.store64(largeEntry(vm).sptep, low, high);
  return table;
};

/** What a fault does that finds a large leaf where it wants a small one. */
const fault = (split: Split) => (mem: Shared, vm: Vm) => {
  mem.readLock(vm.at.mmu_lock);
  const old = { low: mem.load64(largeEntry(vm).sptep), high: mem.high };
  const table = isLarge(mem, vm) ? split(mem, vm, old) : 0;
  mem.readUnlock(vm.at.mmu_lock);
  return table;
};

export const SPLIT_HUGE_PAGE: readonly Litmus[] = brokenAndRepaired<Split>({
  name: 'split-huge-page',
  title:
    'Two faults split the same large leaf, and the second puts its table over that of the first',
  violates: 'a table that was linked stays',
  source: 'KVM, tdp_mmu_split_huge_page()',
  story:
    'Both hold mmu_lock for reading, both have copied the leaf into a table of their own. The first links its table and ' +
    'maps its page there. The second stores its own: what the first has mapped is gone, a third that is on its way through ' +
    'the first table maps where nobody looks, and nobody will ever free that table.',
  fix: 'Exchange the leaf only if it still is what was copied; the loser frees his table, which nobody has seen.',
  links: [
    'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/arch/x86/kvm/mmu/tdp_mmu.c?h=v6.12',
  ],
  broken: splitByStore,
  repaired: (mem, vm, old) => splitHugePage(mem, vm, largeEntry(vm), old),
  make: (name, split) =>
    race({
      name,
      vm: HUGE_PAGES,
      flags: 0,
      setup: mapLargeThenLog,
      vcpus: [{ outside: fault(split) }, { outside: fault(split) }],
      finally: {
        'a table that was linked stays': (mem, vm, { vcpu0, vcpu1 }) =>
          [vcpu0, vcpu1].every(
            (table) => table === 0 || table === childTable(vm, mem.load64(largeEntry(vm).sptep)),
          ),
      },
      sometimes: {
        'two faults hold the lock over the same leaf': (mem, vm) =>
          isLarge(mem, vm) && mem.load32(vm.at.mmu_lock) === 2,
      },
      oops: 'a page table is lost, with what was mapped in it',
    }),
});
