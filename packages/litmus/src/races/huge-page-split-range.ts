// Result: Sometimes; with all of the huge page in the notifier's range: Never.
//
// The host protects one page of a huge one and announces that one: a fault on another page of it maps the whole again.
// Source: our reading of Linux, whose split of a huge page announces all of it (mm/huge_memory.c, __split_huge_pmd()).
import type { Shared } from '@faultline/atomics';
import {
  HOST_PTE_HUGE,
  HOST_PTE_WRITABLE,
  type Hvn,
  hostPtep,
  invalidateRangeEnd,
  invalidateRangeStart,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';
import type { Protect } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, guestWrite, hostPte, hvn0, hvn1 } from '../small-vm.ts';
import { HUGE_PAGES, isLarge, mapLarge } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';
import { protectAndRead, protectedPageStandsStill } from './protected-page.ts';

const announceOnePage: Protect = (mem: Shared, vm: Vm, hvn: Hvn) => {
  invalidateRangeStart(mem, vm, hvn, 1);
  mem.lock(vm.at.host_page_table_lock);
  for (const page of [hvn0, hvn1]) {
    mem.store32(hostPtep(vm, page), hostPte(mem, vm, page) & ~HOST_PTE_HUGE);
  }
  const pte = hostPte(mem, vm, hvn) & ~HOST_PTE_WRITABLE;
  mem.store32(hostPtep(vm, hvn), pte);
  mem.unlock(vm.at.host_page_table_lock);
  invalidateRangeEnd(mem, vm, hvn, 1);
  return pte;
};

export const HUGE_PAGE_SPLIT_RANGE: readonly Litmus[] = brokenAndRepaired<Protect>({
  name: 'huge-page-split-range',
  title: 'The host protects one page of a huge one, and a fault on another page of it maps both',
  violates: 'a protected page stands still',
  source: 'our reading of Linux, whose split of a huge page announces all of it',
  story:
    'The notifier zaps the large leaf, since the page lies in it, and says that this page is being withdrawn. A fault on ' +
    'another page of it has read that the host backs the whole by one huge page, finds itself in no range and no sequence ' +
    'number moved, and maps the whole. The guest writes the protected page through that leaf.',
  fix: 'Who changes one page of a huge one splits it first, between the start and the end of an invalidation of all of it.',
  links: [
    'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/mm/huge_memory.c?h=v6.12',
  ],
  broken: announceOnePage,
  repaired: writeProtectHostPage,
  make: (name, protect) =>
    race({
      name,
      vm: HUGE_PAGES,
      flags: 0,
      setup: mapLarge,
      vcpus: [
        (mem, vm, vcpu) => {
          guestWrite(gfn1, 1)(mem, vm, vcpu);
          guestWrite(gfn0, 1)(mem, vm, vcpu);
        },
      ],
      agents: { ksmd: protectAndRead(protect) },
      finally: { 'a protected page stands still': protectedPageStandsStill },
      sometimes: {
        'the page is mapped large when the invalidation begins': (mem, vm) =>
          isLarge(mem, vm) && mem.load32(vm.at.mn_active_invalidate_count) === 1,
      },
      oops: 'KSM shares a page that a guest is writing',
    }),
});
