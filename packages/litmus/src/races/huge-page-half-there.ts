// Result: Sometimes; with all pages there before one says that it is huge: Never.
//
// The host fills in the entries of a huge page one after the other; a fault on the first maps all, among them one that the
// host does not name yet.
// Source: a mistake of our own. Linux has one entry for the whole, which cannot be half there.
import type { Shared } from '@faultline/atomics';
import {
  faultInHostPage,
  HOST_PTE_HUGE,
  hostPtePfn,
  isHostPtePresent,
  putPage,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { pageTableLaws } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, hostPte, hvn0, hvn1 } from '../small-vm.ts';
import { HUGE_PAGES, isHostPtep, isLarge } from './large-page.ts';
import { brokenAndRepaired } from './pair.ts';

type Filled = (mem: Shared, vm: Vm) => Shared;

const hugeFromTheFirst: Filled = (mem, vm) => {
  const store32 = mem.store32.bind(mem);
  mem.store32 = (address, value) =>
    store32(
      address,
      isHostPtep(vm, address) && isHostPtePresent(value) ? value | HOST_PTE_HUGE : value,
    );
  return mem;
};

export const HUGE_PAGE_HALF_THERE: readonly Litmus[] = brokenAndRepaired<Filled>({
  name: 'huge-page-half-there',
  title: 'A fault maps all of a huge page of which the host has filled in the first entry',
  violates: 'no leaf grants what the host does not',
  source: 'a mistake of our own; Linux has one entry for the whole, which cannot be half there',
  story:
    'The host backs a huge page and writes its entries one by one, each with the bit that says huge. A fault on the first ' +
    'page asks for no lock, reads that bit, and maps all pages. The guest writes the last one. A migration that begins now ' +
    'finds no page there to send, and is never told of it: it was written before the log began.',
  fix: 'Fill in all entries, then set the bit in each.',
  links: [
    'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/mm/huge_memory.c?h=v6.12',
  ],
  broken: hugeFromTheFirst,
  repaired: (mem) => mem,
  make: (name, filled) =>
    race({
      name,
      vm: HUGE_PAGES,
      flags: 0,
      vcpus: [guestWrite(gfn0, 1)],
      agents: {
        device: (mem, vm) =>
          putPage(mem, vm, hostPtePfn(faultInHostPage(filled(mem, vm), vm, hvn1, true))),
      },
      always: pageTableLaws,
      sometimes: {
        'the whole is mapped': isLarge,
        'one page is there and the other is not': (mem, vm) =>
          hostPte(mem, vm, hvn0) !== 0 && hostPte(mem, vm, hvn1) === 0,
      },
      oops: 'the guest writes a page that the host has not got',
    }),
});
