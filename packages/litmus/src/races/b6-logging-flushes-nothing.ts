// Result: Sometimes; with a flush whatever was found: Never.
//
// The ager takes all rights from a leaf and flushes nothing; logging is switched on, finds no W to take, and flushes nothing.
// Source: KVM commit b64d740ea7dd (August 2022).
import { clearYoung, flushRemoteTlbs, protectRange } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, logIsComplete } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, guestWrite, hvn0, touch } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';

/** Whether to flush, by how many leaves lost W. */
type Flushes = (changed: number) => boolean;

export const LOGGING_FLUSHES_NOTHING: readonly Litmus[] = brokenAndRepaired<Flushes>({
  name: 'b6-logging-flushes-nothing',
  title: 'Logging is switched on, finds nothing writable, and flushes nothing',
  violates: 'the log tells of all that was written',
  source: 'KVM commit b64d740ea7dd (August 2022)',
  story:
    'Without A and D bits the ager makes a leaf access-tracked and leaves TLBs alone. Logging is switched on: no leaf has W, ' +
    'nothing changes, nothing is flushed. The vCPU goes on storing through its TLB, and nothing is logged.',
  fix: 'Flush whenever logging is switched on, whatever was found.',
  links: ['https://git.kernel.org/linus/b64d740ea7dd'],
  broken: (changed) => changed > 0,
  repaired: () => true,
  make: (name, flushes) =>
    race({
      name,
      vm: { adBits: false },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        mem.store32(vm.at.dirty_bitmap, 0);
      },
      vcpus: [
        (mem, vm, vcpu) => {
          guestWrite(gfn0, 1)(mem, vm, vcpu);
          guestWrite(gfn0, 2)(mem, vm, vcpu);
        },
      ],
      agents: {
        ager: (mem, vm) => clearYoung(mem, vm, hvn0, 1),
        // The slot is logged from the start; what was marked before counts for nothing.
        logger(mem, vm) {
          mem.store32(vm.at.dirty_bitmap, 0);
          mem.writeLock(vm.at.mmu_lock);
          const changed = protectRange(mem, vm, { start: gfn0, end: gfn1 });
          mem.writeUnlock(vm.at.mmu_lock);
          if (flushes(changed)) flushRemoteTlbs(mem, vm);
          return contentOf(mem, vm, hvn0);
        },
      },
      finally: {
        'the log tells of all that was written': logIsComplete(({ logger }) => ({
          0: logger as number,
        })),
      },
      sometimes: {
        'a store goes through an old translation': (mem, vm) =>
          contentOf(mem, vm, hvn0) === 2 && mem.load32(vm.at.mmu_lock) !== 0,
      },
    }),
});
