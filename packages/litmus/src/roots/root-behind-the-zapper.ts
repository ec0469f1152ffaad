// Result: Sometimes; with the root compared under mmu_lock: Never.
//
// A root is given up and zapped while a fault by it is on its way to the lock. No slot has changed.
// Source: KVM's is_page_fault_stale(), is_obsolete_root(); commit a955cad84cda (December 2021).
import { invalidRoot, isShadowPresent, type Vm, zapAllFast } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, leafIsPresent } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { SHIPPED, type Steps, slowPageFaultBy } from '../races/slow-path.ts';
import { race } from '../setting.ts';
import { gfn0, hvn0 } from '../small-vm.ts';

export const ROOT_BEHIND_THE_ZAPPER: readonly Litmus[] = brokenAndRepaired<Steps>({
  name: 'root-fault-maps-behind-the-zapper',
  title: 'A root is given up and zapped while a fault by it is on its way to mmu_lock',
  violates: 'nothing hangs on the root that was given up',
  source: 'KVM: is_page_fault_stale(), is_obsolete_root(); commit a955cad84cda (December 2021)',
  story:
    'The fault has its host page and waits for mmu_lock. The root is given up, zapped, and done with. The slots are the ones ' +
    'that the fault knows and nothing was withdrawn: it maps the page where nobody looks, and where no zapper comes again.',
  fix: 'Under mmu_lock ask whether the root is still the valid one.',
  links: ['https://git.kernel.org/linus/a955cad84cda'],
  broken: { ...SHIPPED, rootIsValid: () => true },
  repaired: SHIPPED,
  make: (name, steps) =>
    race({
      name,
      vm: { hostPages: 1, pageFrames: 1 },
      vcpus: [guestWriteBy({ slow: slowPageFaultBy(steps) }, gfn0, 1)],
      agents: { vmm: zapAllFast },
      finally: {
        'nothing hangs on the root that was given up': (mem, vm) => isEmpty(mem, vm),
        'the store arrives': (mem, vm) => contentOf(mem, vm, hvn0) === 1,
      },
      sometimes: {
        'the page is mapped under the root that is given up next': (mem, vm) =>
          leafIsPresent(mem, vm, gfn0) && mem.load32(vm.at.mmu_valid_gen) === 0,
        'the root is given up while the fault has its page': (mem, vm) =>
          mem.load32(vm.at.page_refcount) === 2 && mem.load32(vm.at.mmu_valid_gen) === 1,
      },
      oops: 'what is mapped there outlives its slot',
    }),
});

const isEmpty = (mem: Parameters<typeof invalidRoot>[0], vm: Vm): boolean =>
  !isShadowPresent(mem.load64(invalidRoot(mem, vm)));
