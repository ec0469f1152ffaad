// Result: Sometimes; with D in whatever is made writable: Never.
//
// A store and a load fault on the same page at once. The store installs W with D, the load W without D, over it.
// Source: KVM commit cc7ed3358e41 (October 2024).
import type { Shared } from '@faultline/atomics';
import {
  faultInHostPage,
  hostPtePfn,
  isHostPteWritable,
  isShadowPresent,
  makeSpte,
  PT_DIRTY_MASK,
  putPage,
  RET_PF_FIXED,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
  type Spte,
  setSpteAtomic,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafOf } from '../properties.ts';
import { race, type VcpuBody } from '../setting.ts';
import { gfn0, hvn0 } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';
import { leafEntry } from './write-track.ts';

/** The leaf for a host pte, made by a fault that is a write or is not. */
type Make = (hostPte: number, write: boolean) => Spte;

const makeShipped: Make = (pte) => makeSpte(hostPtePfn(pte), isHostPteWritable(pte));

/** KVM's mapping until 6.12: only the very same value is spurious. */
function map(mem: Shared, vm: Vm, spte: Spte): RetPf {
  const old = leafOf(mem, vm, gfn0);
  if (old.low === spte.low && old.high === spte.high) return RET_PF_SPURIOUS;
  return setSpteAtomic(mem, leafEntry(vm, gfn0), old, spte) ? RET_PF_FIXED : RET_PF_RETRY;
}

const fault =
  (make: Make, write: boolean): VcpuBody =>
  (mem, vm) => {
    if (isShadowPresent(leafOf(mem, vm, gfn0).low)) return RET_PF_SPURIOUS; // hardware does not fault
    const pte = faultInHostPage(mem, vm, hvn0, write);
    mem.readLock(vm.at.mmu_lock);
    const ret = map(mem, vm, make(pte, write));
    mem.readUnlock(vm.at.mmu_lock);
    putPage(mem, vm, hostPtePfn(pte));
    return ret;
  };

export const DIRTY_BIT_LOST: readonly Litmus[] = brokenAndRepaired<Make>({
  name: 'b27-dirty-bit-lost',
  title: 'A load and a store fault at once, and the load overwrites the leaf of the store',
  violates: 'what was made dirty stays dirty',
  source: 'KVM commit cc7ed3358e41 (October 2024)',
  story:
    'D was set only by faults that are writes. A load that faulted at the same moment made a leaf with W and without D; ' +
    'coming second it found another value there than its own, and replaced it: D was gone, and the fault was taken for ' +
    'one that changed something and owes a flush.',
  fix: 'Whatever is made writable is made dirty: both faults make the same leaf, and the second finds its work done.',
  links: ['https://git.kernel.org/linus/cc7ed3358e41'],
  broken: (pte, write) => {
    const { low, high } = makeShipped(pte, write);
    return { low: write ? low : low & ~PT_DIRTY_MASK, high };
  },
  repaired: makeShipped,
  make: (name, make) =>
    race({
      name,
      setup: (mem, vm) => putPage(mem, vm, hostPtePfn(faultInHostPage(mem, vm, hvn0, true))),
      vcpus: [{ outside: fault(make, true) }, { outside: fault(make, false) }],
      finally: {
        'what was made dirty stays dirty': (mem, vm, { vcpu0 }) =>
          vcpu0 !== RET_PF_FIXED || (leafOf(mem, vm, gfn0).low & PT_DIRTY_MASK) !== 0,
      },
      sometimes: {
        'both faults hold the lock': (mem, vm) => mem.load32(vm.at.mmu_lock) === 2,
        'the leaf is there': (mem, vm) => isShadowPresent(leafOf(mem, vm, gfn0).low),
      },
    }),
});
