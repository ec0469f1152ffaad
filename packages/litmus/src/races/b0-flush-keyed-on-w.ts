// Result: Sometimes; with the flush keyed on MMU_WRITABLE: Never.
//
// The dirty log has cleared W and not yet flushed; whoever protects the same page for another reason finds W clear, and
// takes that for "no CPU can write it".
// Source: KVM commit 6dbf79e7164e (February 2012).
import type { Shared } from '@faultline/atomics';
import {
  clearSpteBits,
  flushRemoteTlbs,
  getDirtyLog,
  isWritable,
  owesFlush,
  type Spte,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, touch } from '../small-vm.ts';
import { emulateSlowFaults, WITHOUT_MMIO_SPTES } from './emulated-writes.ts';
import { brokenAndRepaired } from './pair.ts';
import { BOTH_BITS, leafEntry, trackedPageStandsStill, trackWrites } from './write-track.ts';

type OwesFlush = (old: Spte, spte: Spte) => boolean;

const protectAndFlushIf = (owes: OwesFlush) => (mem: Shared, vm: Vm) => {
  const old = clearSpteBits(mem, leafEntry(vm, gfn0), BOTH_BITS);
  if (owes(old, { low: old.low & ~BOTH_BITS, high: old.high })) flushRemoteTlbs(mem, vm);
};

export const FLUSH_KEYED_ON_W: readonly Litmus[] = brokenAndRepaired<OwesFlush>({
  name: 'b0-flush-keyed-on-w',
  title: 'A page table is protected while the dirty log has cleared W and not yet flushed',
  violates: 'a tracked page stands still',
  source: 'KVM commit 6dbf79e7164e (February 2012), and 198c74f43f0f (2014) for the rule of today',
  story:
    'GET_DIRTY_LOG clears W, releases mmu_lock, and flushes only then. In between the protection of a guest page table ' +
    'takes mmu_lock, finds W clear, and flushes nothing. A vCPU whose TLB still has W goes on writing the page table.',
  fix:
    'In 2012 the log flushed before it released the lock. Since 2014 it may flush late, because whoever needs that no CPU ' +
    'can write looks at MMU_WRITABLE, which only such as he clear, and flushes himself.',
  links: ['https://git.kernel.org/linus/6dbf79e7164e'],
  broken: (old) => isWritable(old.low),
  repaired: owesFlush,
  make: (name, owes) =>
    race({
      name,
      vm: WITHOUT_MMIO_SPTES,
      setup: (mem, vm) => touch(mem, vm, gfn0),
      vcpus: [
        (mem, vm, vcpu) => {
          emulateSlowFaults(vcpu);
          guestWrite(gfn0, 1)(mem, vm, vcpu);
          guestWrite(gfn0, 2)(mem, vm, vcpu);
        },
      ],
      agents: {
        logger: (mem, vm) => getDirtyLog(mem, vm, 0),
        tracker: trackWrites(protectAndFlushIf(owes)),
      },
      finally: { 'a tracked page stands still': trackedPageStandsStill },
      sometimes: {
        'W is clear before the tracker comes': (mem, vm) =>
          !leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_lock) === 0,
      },
      oops: 'a guest page table is written behind the back of whoever shadows it',
    }),
});
