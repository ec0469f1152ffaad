// Result: Never
//
// An spte goes away and comes back with the same value, under a fast path that holds the old one: benign where position
// names the gfn.
// Source: Documentation/virt/kvm/locking.rst, "For direct sp, we can easily avoid it".
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import { fastPageFault, RET_PF_FIXED, type Vcpu, type Vm } from '@faultline/mmu';
import { guestStoreOnce } from '../historical/guest-store.ts';
import { dropPage } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import {
  type Copy,
  contentOf,
  framesAreAccountedFor,
  leafIsPresent,
  leafIsWritable,
  logIsComplete,
  noFreePageIsMapped,
  pageTableLaws,
} from '../properties.ts';
import { type Race, race } from '../setting.ts';
import { gfn0, guestRead, harvestAll, hvn0, inGuest, touch } from '../small-vm.ts';
import { round } from './mark-dirty-after-cmpxchg.ts';

/**
 * The fast path by itself, outside the guest as on KVM: no flush waits for it, so that the word alone protects it. Then
 * the store, where it may be made.
 */
function faultOutside(mem: Shared, vm: Vm, vcpu: Vcpu): void {
  const { fault } = vcpu;
  Object.assign(fault, { gfn: gfn0, slot: fault.memslots.last });
  mem.enterRead();
  const ret = fastPageFault(mem, vm, fault);
  mem.exitRead();
  if (ret === RET_PF_FIXED) inGuest(mem, vm, vcpu, guestStoreOnce(gfn0, 1));
}

/** vCPU 1's thread: the host replaces the page by `replace`, the guest reads it, a migration sends and protects it. */
const replaceAndSend = (replace: typeof dropPage) => (mem: Shared, vm: Vm, vcpu: Vcpu) => {
  replace(mem, vm, hvn0);
  inGuest(mem, vm, vcpu, guestRead(gfn0));
  return round(mem, vm);
};

export const pageReplaced = (
  name: string,
  replace: typeof dropPage,
  more: Partial<Race>,
): Program =>
  race({
    ...more,
    name,
    setup: (mem, vm) => {
      touch(mem, vm, gfn0);
      harvestAll(mem, vm);
    },
    vcpus: [{ outside: faultOutside }, { outside: replaceAndSend(replace) }],
    always: { ...pageTableLaws, 'no free page is mapped': noFreePageIsMapped },
    sometimes: {
      'the leaf is zapped': (mem, vm) => !leafIsPresent(mem, vm, gfn0),
      'the leaf comes back, protected': (mem, vm) =>
        wasReplaced(mem, vm) && leafIsPresent(mem, vm, gfn0) && !leafIsWritable(mem, vm, gfn0),
      ...more.sometimes,
    },
    finally: {
      'a page that is not marked was sent as it is': logIsComplete((r) => r.vcpu1 as Copy),
      'every frame has the references of its users': framesAreAccountedFor(undefined, more.pfns),
    },
  });

const wasReplaced = (mem: Shared, vm: Vm): boolean => mem.load32(vm.at.mmu_invalidate_seq) === 1;

export const abaDirect: Litmus = {
  name: 'aba-direct',
  title:
    'An spte goes away and comes back with the same value, under a fast path that holds the old one.',
  result: 'Never',
  source: 'Documentation/virt/kvm/locking.rst, exception 1',
  story:
    'A fast path has read a read-only spte. The host drops the page and takes the same frame again for the same gfn; a ' +
    'slow fault maps it, a harvest protects it: the same 64 bits in the same place. The cmpxchg succeeds.',
  fix:
    'In a direct table the place names the gfn, and the slow path has asked the host anew for the right to write. So the ' +
    'cmpxchg grants what is true now, and the mark that follows names the right page.',
  links: ['https://docs.kernel.org/virt/kvm/locking.html'],
  program: () =>
    pageReplaced('aba-direct', dropPage, {
      vm: { pageFrames: 2 },
      sometimes: {
        'the store lands in the page that came back': (mem, vm) =>
          wasReplaced(mem, vm) && contentOf(mem, vm, hvn0) === 1,
      },
    }),
};
