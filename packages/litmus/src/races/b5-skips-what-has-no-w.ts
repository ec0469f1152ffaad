// Result: Sometimes; when both bits have to be clear: Never.
//
// A page is to be protected for good, W is clear already since the dirty log cleared it, and so nothing is done: but the
// fast path may set W again.
// Source: KVM commit 7c8a4742c4ab (January 2022).
import type { Shared } from '@faultline/atomics';
import { clearSpteBits, flushRemoteTlbs, isMmuWritable, isWritable, type Vm } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, harvestAll, leafAt, touch } from '../small-vm.ts';
import { emulateSlowFaults, WITHOUT_MMIO_SPTES } from './emulated-writes.ts';
import { brokenAndRepaired } from './pair.ts';
import { BOTH_BITS, leafEntry, trackedPageStandsStill, trackWrites } from './write-track.ts';

type IsDone = (low: number) => boolean;

const protectUnless = (isDone: IsDone) => (mem: Shared, vm: Vm) => {
  if (isDone(mem.load64(leafAt(vm, gfn0)))) return;
  clearSpteBits(mem, leafEntry(vm, gfn0), BOTH_BITS);
  flushRemoteTlbs(mem, vm);
};

export const SKIPS_WHAT_HAS_NO_W: readonly Litmus[] = brokenAndRepaired<IsDone>({
  name: 'b5-skips-what-has-no-w',
  title: 'A page table is protected after the dirty log has cleared W of it',
  violates: 'a tracked page stands still',
  source: 'KVM commit 7c8a4742c4ab (January 2022), a bug since 46044f72c382',
  story:
    'The TDP MMU protected the guest page tables of a nested guest, and left an entry whose W was clear as it was. The ' +
    'dirty log leaves W clear and MMU_WRITABLE set; the next write faults, the fast path sets W, and the page table is ' +
    'written behind the back of whoever shadows it.',
  fix: 'Skip an entry only if W and MMU_WRITABLE are both clear.',
  links: ['https://git.kernel.org/linus/7c8a4742c4ab'],
  broken: (low) => !isWritable(low),
  repaired: (low) => !isWritable(low) && !isMmuWritable(low),
  make: (name, isDone) =>
    race({
      name,
      vm: WITHOUT_MMIO_SPTES,
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        harvestAll(mem, vm);
      },
      vcpus: [
        (mem, vm, vcpu) => {
          emulateSlowFaults(vcpu);
          guestWrite(gfn0, 1)(mem, vm, vcpu);
        },
      ],
      agents: { tracker: trackWrites(protectUnless(isDone)) },
      finally: { 'a tracked page stands still': trackedPageStandsStill },
      sometimes: { 'the fast path sets W': (mem, vm) => leafIsWritable(mem, vm, gfn0) },
      oops: 'a guest page table is written behind the back of whoever shadows it',
    }),
});
