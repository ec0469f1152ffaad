// Result: Sometimes; with the flush under the lock: Never.
//
// A zapper drops mmu_lock before it has flushed. Whoever comes next finds nothing mapped, owes no flush, and has the page
// for himself: so he thinks.
// Source: KVM commits a835429cda91 and 048f49809c52 (March 2021).
import type { Shared } from '@faultline/atomics';
import {
  flushRemoteTlbs,
  invalidateRangeEnd,
  invalidateRangeStart,
  type Vm,
  zapLeafs,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsPresent } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, guestWrite, hvn0, touch } from '../small-vm.ts';
import { emulateSlowFaults, WITHOUT_MMIO_SPTES } from './emulated-writes.ts';
import { brokenAndRepaired } from './pair.ts';

const PAGE = 0;

type Zap = (mem: Shared, vm: Vm) => void;

const zapThenUnlockThenFlush: Zap = (mem, vm) => {
  mem.writeLock(vm.at.mmu_lock);
  const flush = zapLeafs(mem, vm, { start: gfn0, end: gfn1 });
  mem.writeUnlock(vm.at.mmu_lock);
  if (flush) flushRemoteTlbs(mem, vm);
};

const zapThenFlushThenUnlock: Zap = (mem, vm) => {
  mem.writeLock(vm.at.mmu_lock);
  if (zapLeafs(mem, vm, { start: gfn0, end: gfn1 })) flushRemoteTlbs(mem, vm);
  mem.writeUnlock(vm.at.mmu_lock);
};

export const FLUSH_AFTER_UNLOCK: readonly Litmus[] = brokenAndRepaired<Zap>({
  name: 'b15-flush-after-unlock',
  title: 'A zapper yields mmu_lock with a flush still owed, and the host takes the page',
  violates: 'the page is as the host found it',
  source: 'KVM commits a835429cda91 and 048f49809c52 (March 2021), hardened by 33a3164161fc',
  story:
    'The zapper has zapped a leaf and, asked to yield, drops mmu_lock before it flushes. The notifier of that page takes ' +
    'the lock, finds nothing to zap, flushes nothing, and the host uses the page. A vCPU still stores through its TLB.',
  fix: 'Flush before mmu_lock is dropped, for whatever reason.',
  links: ['https://git.kernel.org/linus/a835429cda91', 'https://git.kernel.org/linus/048f49809c52'],
  broken: zapThenUnlockThenFlush,
  repaired: zapThenFlushThenUnlock,
  make: (name, zap) =>
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
        zapper: zap,
        host(mem, vm) {
          invalidateRangeStart(mem, vm, hvn0, 1);
          const found = mem.guestLoad(PAGE);
          invalidateRangeEnd(mem, vm, hvn0, 1);
          return found;
        },
      },
      finally: {
        'the page is as the host found it': (mem, _vm, { host }) => mem.guestLoad(PAGE) === host,
      },
      sometimes: {
        'the host comes when all is zapped': (mem, vm) =>
          !leafIsPresent(mem, vm, gfn0) && mem.load32(vm.at.mmu_invalidate_in_progress) === 0,
      },
      oops: 'the page belongs to the host, and a guest stores to it through an old TLB entry',
    }),
});
