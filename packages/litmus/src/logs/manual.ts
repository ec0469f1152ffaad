// Result: Sometimes; as it ships: Never.
//
// A client of a log with manual protection clears a page and copies it, in the wrong order of something.
// Source: Documentation/virt/kvm/api.rst, KVM_CLEAR_DIRTY_LOG.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  clearDirtyLog,
  clearSpteBits,
  flushRemoteTlbs,
  PT_WRITABLE_MASK,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { contentOf, isMarked, isTold } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { leafEntry } from '../races/write-track.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, hvn0, touch } from '../small-vm.ts';

/** Clears gfn 0 as client 0, copies it, and answers the copy. */
type Client = (mem: Shared, vm: Vm) => number;

const clear = (mem: Shared, vm: Vm): number =>
  clearDirtyLog(mem, vm, 0, { firstPage: 0, numPages: 2, bits: [1], client: 0 });

const shipped: Client = (mem, vm) => {
  clear(mem, vm);
  return contentOf(mem, vm, hvn0);
};

const copiesFirst: Client = (mem, vm) => {
  const copy = contentOf(mem, vm, hvn0);
  clear(mem, vm);
  return copy;
};

const protectsFirst: Client = (mem, vm) => {
  mem.lock(vm.at.slots_lock);
  mem.writeLock(vm.at.mmu_lock);
  clearSpteBits(mem, leafEntry(vm, gfn0), PT_WRITABLE_MASK);
  mem.writeUnlock(vm.at.mmu_lock);
  flushRemoteTlbs(mem, vm);
  mem.and32(vm.at.dirty_bitmap, ~1);
  mem.unlock(vm.at.slots_lock);
  return contentOf(mem, vm, hvn0);
};

/** vCPU 0 writes a page of the log, twice, while one client clears it; another client reads the log now and then. */
const clearAgainstWrites = (name: string, client: Client): Program =>
  race({
    name,
    vm: { manualDirtyLogProtect: 'enable' },
    setup: (mem, vm) => touch(mem, vm, gfn0),
    vcpus: [
      (mem, vm, vcpu) => {
        guestWrite(gfn0, 1)(mem, vm, vcpu);
        guestWrite(gfn0, 2)(mem, vm, vcpu);
      },
    ],
    agents: { client },
    finally: {
      'a page that is not marked was copied as it is': (mem, vm, results) =>
        isMarked(mem, vm, hvn0) || contentOf(mem, vm, hvn0) === results.client,
      'a client is not told of what it clears itself': (mem, vm) => !isTold(mem, vm, hvn0),
    },
    sometimes: {
      'the page is marked after the clear': (mem, vm) =>
        isMarked(mem, vm, hvn0) && contentOf(mem, vm, hvn0) === 2,
      'the page is in no log': (mem, vm) => !isMarked(mem, vm, hvn0),
    },
    oops: 'the copy is old, and no log says so',
  });

const told = {
  violates: 'a page that is not marked was copied as it is',
  source: 'Documentation/virt/kvm/api.rst, KVM_CLEAR_DIRTY_LOG',
  links: ['https://docs.kernel.org/virt/kvm/api.html'],
  repaired: shipped,
  make: clearAgainstWrites,
} as const;

export const MANUAL: readonly Litmus[] = [
  ...brokenAndRepaired<Client>({
    ...told,
    name: 'manual-copies-before-clear',
    title: 'A page of a log with manual protection is copied before it is cleared',
    story:
      'A harvest told of the page and left it writable. The client copies it; the guest stores, needs no fault for it, and ' +
      'leaves no other mark than the one that is there. The clear takes that mark, and the store is in no copy and in no log.',
    fix: 'Clear first: what is stored after the flush faults, and marks the page again.',
    broken: copiesFirst,
  }),
  ...brokenAndRepaired<Client>({
    ...told,
    name: 'clear-protects-before-taking',
    title: 'A clear protects the page before it takes its mark',
    story:
      'Between the two the guest faults, sets W again, and marks the page: that mark is what the clear takes. The page stays ' +
      'writable, and what is stored from then on is in no log.',
    fix: 'Take the mark first: a fault between the two marks the page again.',
    broken: protectsFirst,
  }),
];
