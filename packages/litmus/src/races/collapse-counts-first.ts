// Result: Sometimes; with the pages protected before their references are counted: Never.
//
// The host puts small pages together: it copies those that nobody else holds. Who takes a reference after that look, for a
// store, stores to a page that has been left.
// Source: Linux, collapse_huge_page(): the entries are cleared before the references are looked at.
import type { Shared } from '@faultline/atomics';
import {
  collapseHugePage,
  faultInHostPage,
  hostPtePfn,
  isHostPteWritable,
  pageBase,
  putPage,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, framesAreAccountedFor } from '../properties.ts';
import { race } from '../setting.ts';
import { hvn0 } from '../small-vm.ts';
import { HUGE_PAGES, isHostPtep, mapSmall } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';

type Collapse = (mem: Shared, vm: Vm) => boolean;

const withoutProtecting: Collapse = (mem, vm) => {
  const store32 = mem.store32.bind(mem);
  mem.store32 = (address, value) => {
    if (!isHostPtep(vm, address) || isHostPteWritable(value)) store32(address, value);
  };
  return collapseHugePage(mem, vm, hvn0);
};

/** A device of the VMM stores to the page. */
function device(mem: Shared, vm: Vm): void {
  const pfn = hostPtePfn(faultInHostPage(mem, vm, hvn0, true));
  mem.guestStore(pageBase(vm, pfn), 1);
  putPage(mem, vm, pfn);
}

export const COLLAPSE_COUNTS_FIRST: readonly Litmus[] = brokenAndRepaired<Collapse>({
  name: 'collapse-counts-first',
  title: 'The host copies a page that somebody takes a reference to after it has looked for such',
  violates: "the device's store is in memory",
  source: 'Linux, collapse_huge_page(), and a mistake of our own',
  story:
    'khugepaged finds that nobody but the page table holds the page. A device takes a reference, finds the entry as it ' +
    'was, and stores. The copy has been made already, or has not: if it has, the entry then leads to it, and the store is ' +
    'in a frame that nobody looks at any more.',
  fix: 'Take the right to store from the entries first, then count: who stores is counted, or finds his entry changed.',
  links: [
    'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/mm/khugepaged.c?h=v6.12',
  ],
  broken: withoutProtecting,
  repaired: (mem, vm) => collapseHugePage(mem, vm, hvn0),
  make: (name, collapse) =>
    race({
      name,
      vm: HUGE_PAGES,
      flags: 0,
      setup: mapSmall,
      vcpus: [{ outside: () => undefined }],
      agents: { khugepaged: (mem, vm) => collapse(mem, vm), device },
      finally: {
        "the device's store is in memory": (mem, vm) => contentOf(mem, vm, hvn0) === 1,
        'every frame has the references of its users': framesAreAccountedFor(),
      },
      sometimes: {
        'the device has stored when the collapse begins': (mem, vm) =>
          contentOf(mem, vm, hvn0) === 1 && mem.load32(vm.at.mn_active_invalidate_count) === 1,
      },
      oops: 'what a device stored is gone',
    }),
});
