// Result: Sometimes; with the copy between the notifier's start and end: Never.
//
// The host copies small pages to a huge one while the guest still writes them, and tells the MMU of it afterwards.
// Source: Linux, collapse_huge_page(): the notifier comes before the copy.
import type { Shared } from '@faultline/atomics';
import {
  allocPage,
  changeHostPtes,
  collapseHugePage,
  copyPage,
  HOST_PTE_HUGE,
  HOST_PTE_WRITABLE,
  hostPtePfn,
  hostPtep,
  makeHostPte,
  putPage,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, framesAreAccountedFor } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, hostPte, hvn0, hvn1 } from '../small-vm.ts';
import { HUGE_PAGES, mapSmall } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';

type Collapse = (mem: Shared, vm: Vm) => void;

/** The only free frames are those of the free block, in order. */
const copyThenNotify: Collapse = (mem, vm) => {
  const pages = [hvn0, hvn1];
  const old = pages.map((hvn) => hostPtePfn(hostPte(mem, vm, hvn)));
  const copies = old.map((from) => {
    const to = allocPage(mem, vm);
    copyPage(mem, vm, from, to);
    return makeHostPte(to, HOST_PTE_WRITABLE | HOST_PTE_HUGE);
  });
  changeHostPtes(mem, vm, { hvn: hvn0, count: 2 }, () =>
    pages.forEach((hvn, page) => {
      mem.store32(hostPtep(vm, hvn), copies[page] as number);
    }),
  );
  for (const pfn of old) putPage(mem, vm, pfn);
};

export const COLLAPSE_COPIES_FIRST: readonly Litmus[] = brokenAndRepaired<Collapse>({
  name: 'collapse-copies-first',
  title: 'The host copies small pages to a huge one before it has told the MMU',
  violates: "the guest's store is in memory",
  source: 'Linux, collapse_huge_page(): the notifier comes before the copy',
  story:
    'khugepaged copies the pages, then announces the change, then leads the entries to the copies. The guest, which ' +
    'nobody has stopped so far, stores between the copy and the announcement; its store stays in the frame that is left.',
  fix: 'Announce first: between the start and the end of the invalidation no leaf and no TLB leads to the pages.',
  links: [
    'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/mm/khugepaged.c?h=v6.12',
  ],
  broken: copyThenNotify,
  repaired: (mem, vm) => void collapseHugePage(mem, vm, hvn0),
  make: (name, collapse) =>
    race({
      name,
      vm: HUGE_PAGES,
      flags: 0,
      setup: mapSmall,
      vcpus: [guestWrite(gfn0, 1)],
      agents: { khugepaged: (mem, vm) => collapse(mem, vm) },
      finally: {
        "the guest's store is in memory": (mem, vm) => contentOf(mem, vm, hvn0) === 1,
        'every frame has the references of its users': framesAreAccountedFor(),
      },
      sometimes: {
        'the guest has stored when the collapse begins': (mem, vm) =>
          contentOf(mem, vm, hvn0) === 1 && mem.load32(vm.at.mn_active_invalidate_count) === 1,
      },
      oops: 'what the guest stored is gone',
    }),
});
