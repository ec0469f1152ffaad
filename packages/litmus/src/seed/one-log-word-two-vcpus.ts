// Result: Never
//
// Two vCPUs repair their faults on two pages that share one word of the dirty log.
// Source: mark_page_dirty_in_slot() of KVM, which marks with set_bit_le().
import { fastPageFault, type Gfn } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { isMarked, leafIsWritable, pageTableLaws } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, harvestAll, hvn0, hvn1, touch } from '../small-vm.ts';

const write = (gfn: Gfn) => guestWriteBy({ fast: fastPageFault }, gfn, 1);

export const oneLogWordTwoVcpus: Litmus = {
  name: 'one-log-word-two-vcpus',
  title: 'Two vCPUs store to two protected pages whose bits share one word of the dirty log.',
  result: 'Never',
  source: 'KVM: mark_page_dirty_in_slot(), set_bit_le()',
  story:
    'Both pages were harvested. Each vCPU gives itself the right to write its page and marks it: the two leaves are words ' +
    'of their own, the two marks are bits of one word.',
  fix: "A mark is one atomic or. A load and a store would write the other vCPU's bit back as it was before.",
  links: [],
  program: () =>
    race({
      name: 'one-log-word-two-vcpus',
      setup: (mem, vm) => {
        touch(mem, vm, gfn0);
        touch(mem, vm, gfn1);
        harvestAll(mem, vm);
      },
      vcpus: [write(gfn0), write(gfn1)],
      always: pageTableLaws,
      sometimes: {
        'both pages are writable, and neither is marked': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) &&
          leafIsWritable(mem, vm, gfn1) &&
          !isMarked(mem, vm, hvn0) &&
          !isMarked(mem, vm, hvn1),
      },
      finally: {
        'both pages are marked': (mem, vm) => isMarked(mem, vm, hvn0) && isMarked(mem, vm, hvn1),
      },
      oops: 'a page was written, and no migration will ever send it again',
    }),
};
