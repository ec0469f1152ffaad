// Result: Sometimes; where a vCPU with a request pending does not walk: Never.
//
// All vCPUs are paused, the last log is taken, the page is sent: and one of them was between its exchange and its mark.
// Source: vm/lockless-walk.ts; QEMU's migration_completion(), where the vCPU threads are out of KVM_RUN.
import { type Shared, setMode } from '@faultline/atomics';
import {
  gfnToGpa,
  pauseVcpus,
  READING_SHADOW_PAGE_TABLES,
  resumeVcpus,
  type Vm,
} from '@faultline/mmu';
import { guestStoreOnce } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { type Copy, contentOf, isMarked, isTold, leafIsWritable } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { round } from '../seed/mark-dirty-after-cmpxchg.ts';
import { race, type VcpuBody } from '../setting.ts';
import { gfn0, harvestAll, hvn0, touch } from '../small-vm.ts';
import { fastPageFaultIn, shippedWalk, type Walk } from './walker.ts';

/** A write-protection fault; what the fast path could not repair is nobody's business here. */
const faultOnce =
  (walk: Walk): VcpuBody =>
  (mem, vm, vcpu) => {
    Object.assign(vcpu.fault, { gfn: gfn0, addr: gfnToGpa(gfn0), slot: vcpu.fault.memslots.last });
    return fastPageFaultIn(walk)(mem, vm, vcpu.fault);
  };

/** The last round of a migration; answers what was sent, and what was there. */
function complete(mem: Shared, vm: Vm): { sent: Copy; was: number } {
  pauseVcpus(mem, vm);
  const sent = round(mem, vm);
  const was = contentOf(mem, vm, hvn0);
  resumeVcpus(mem, vm);
  return { sent, was };
}

export const WALK_AND_PAUSE: readonly Litmus[] = brokenAndRepaired<Walk['begin']>({
  name: 'walk-while-asked-to-pause',
  title:
    'A vCPU that was asked to pause walks all the same, and marks a page when the last log is taken',
  violates: 'what was not sent stood still',
  source: 'vm/lockless-walk.ts; KVM has the threads of its vCPUs out of KVM_RUN',
  story:
    'A vCPU is asked to pause, leaves the guest for the fast path, and is seen to have left. It sets W; another vCPU stores, ' +
    'and pauses. All are out of the guest: the last log is taken, and only now comes the mark.',
  fix: 'With a request pending the vCPU does not walk: it enters the guest, serves the request, and faults again.',
  links: [],
  broken(mem, _vm, { mode }) {
    mem.enterRead();
    setMode(mem, mode, READING_SHADOW_PAGE_TABLES);
    return true;
  },
  repaired: shippedWalk.begin,
  make: (name, begin) => {
    const fault = faultOnce({ ...shippedWalk, begin });
    return race({
      name,
      vm: { mmu: 'legacy', hostPages: 1, pageFrames: 1 },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        harvestAll(mem, vm);
      },
      vcpus: [fault, guestStoreOnce(gfn0, 1)],
      agents: { migration: complete },
      sometimes: {
        'the page is writable and not marked': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && !isMarked(mem, vm, hvn0) && !isTold(mem, vm, hvn0),
      },
      finally: {
        'what was not sent stood still': (_mem, _vm, { migration }) => {
          const { sent, was } = migration as ReturnType<typeof complete>;
          return (sent[hvn0] ?? 0) === was;
        },
      },
      oops: 'the destination starts without the last store',
    });
  },
});
