// Result: Sometimes; with the range in guest frames: Never.
//
// An invalidation says which range it is about, in the wrong unit: a fault in that range takes it for another's, and maps
// the page behind the zapper.
// Source: KVM commits edb298c663fc (August 2021) and 6d3085e4d89a (November 2022).
import type { Shared } from '@faultline/atomics';
import {
  createMemslot,
  deleteMemslot,
  type Hvn,
  invalidateRangeEnd,
  invalidateRangeStart,
  type Vm,
  writeProtectHostPage,
} from '@faultline/mmu';
import type { Protect } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { framesAreAccountedFor, leafIsPresent } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn1, guestWrite, hvn0, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';
import { protectAndRead, protectedPageStandsStill } from './protected-page.ts';

/** Whoever stores the range of an invalidation gives host pages where guest frames are asked for: gfn 1 is host page 0. */
function withRangeInHostPages(mem: Shared, vm: Vm): Shared {
  const { mmu_invalidate_range: range } = vm.at;
  const store32 = mem.store32.bind(mem);
  mem.store32 = (address, value) =>
    store32(address, address === range || address === range + 4 ? value - gfn1 + hvn0 : value);
  return mem;
}

export const RANGE_IN_HOST_PAGES: readonly Litmus[] = brokenAndRepaired<Protect>({
  name: 'b19-range-in-host-pages',
  title: 'An invalidation gives its range in another unit than the faults compare',
  violates: 'a protected page stands still',
  source: 'KVM commits edb298c663fc (August 2021) and 6d3085e4d89a (November 2022)',
  story:
    'kvm_zap_gfn_range() announced itself to faults like a notifier, but gave guest frames where host addresses were ' +
    'compared. No fault found itself in the range; one that came between the zap and the end mapped the page again. Here ' +
    'it is the other way round: guest frames are compared, and host pages given.',
  fix: 'Give the range in the unit that is compared; KVM now blocks faults of every gfn there.',
  links: ['https://git.kernel.org/linus/edb298c663fc', 'https://git.kernel.org/linus/6d3085e4d89a'],
  broken: (mem: Shared, vm: Vm, hvn: Hvn) =>
    writeProtectHostPage(withRangeInHostPages(mem, vm), vm, hvn),
  repaired: writeProtectHostPage,
  make: (name, protect) =>
    race({
      name,
      setup(mem, vm) {
        deleteMemslot(mem, vm, 0);
        createMemslot(mem, vm, { id: 0, baseGfn: gfn1, npages: 1, hvn: hvn0, flags: 0 });
        touch(mem, vm, gfn1);
        invalidateRangeStart(mem, vm, hvn0, 1);
        invalidateRangeEnd(mem, vm, hvn0, 1);
      },
      vcpus: [guestWrite(gfn1, 1)],
      agents: { ksmd: protectAndRead(protect) },
      finally: {
        'a protected page stands still': protectedPageStandsStill,
        'every frame has the references of its users': framesAreAccountedFor(),
      },
      sometimes: {
        'the page is mapped when the invalidation begins': (mem, vm) =>
          leafIsPresent(mem, vm, gfn1) && mem.load32(vm.at.mn_active_invalidate_count) === 1,
      },
      oops: 'KSM shares a page that a guest is writing',
    }),
});
