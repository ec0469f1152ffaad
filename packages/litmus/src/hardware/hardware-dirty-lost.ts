// Result: Sometimes; with one bit cleared atomically: Never.
//
// The ager clears A by storing the value that it read without it; in between hardware has set D.
// Source: Documentation/virt/kvm/locking.rst, exception 2; KVM commit ba3a6120a4e7 (April 2022).
import type { Program } from '@faultline/checker';
import { ageLeaf, clearSpteBits, isDirty, PT_ACCESSED_MASK, PT_DIRTY_MASK } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafOf } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { leafEntry } from '../races/write-track.ts';
import { type Race, race } from '../setting.ts';
import { gfn0, guestWrite, touch } from '../small-vm.ts';
import { type Age, ageBy, forgetPageFlags, theHostKnowsOfWrites } from './written-page.ts';

/** A page is aged beside a store that has hardware set D. */
export const agedUnderAStore = (name: string, age: Age, vm: Race['vm'] = {}): Program =>
  race({
    name,
    vm,
    setup(mem, own) {
      touch(mem, own, gfn0);
      clearSpteBits(mem, leafEntry(own, gfn0), PT_DIRTY_MASK);
      forgetPageFlags(mem, own);
    },
    vcpus: [guestWrite(gfn0, 1)],
    agents: { ager: ageBy(age) },
    finally: { 'the host knows of what was written': theHostKnowsOfWrites },
    sometimes: {
      'hardware sets D while the ager holds the lock': (mem, own) => {
        const { low, high } = leafOf(mem, own, gfn0);
        return isDirty(low, high) && mem.load32(own.at.mmu_lock) !== 0;
      },
    },
    oops: 'the host drops the page as clean, and what the guest stored is gone',
  });

export const HARDWARE_DIRTY_LOST: readonly Litmus[] = brokenAndRepaired<Age>({
  name: 'hardware-dirty-lost',
  title: 'The ager clears A by a plain store while hardware sets D in the same spte',
  violates: 'the host knows of what was written',
  source: 'locking.rst, exception 2; KVM commit ba3a6120a4e7 (April 2022)',
  story:
    'The ager reads an spte with W and A and without D. A vCPU stores through it: hardware sets D. The ager stores what it ' +
    'read without A, and with that without D. The TLB knows D, so that hardware does not set it again.',
  fix: 'Clear one bit atomically; exchange wherever hardware may set A or D.',
  links: ['https://docs.kernel.org/virt/kvm/locking.html'],
  broken: (mem, _vm, { sptep }, { low, high }) =>
    mem.storePlain64(sptep, low & ~PT_ACCESSED_MASK, high),
  repaired: ageLeaf,
  make: agedUnderAStore,
});
