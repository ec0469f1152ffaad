// A zapper of two pages that gives mmu_lock up between them, and a vCPU that stores to one of them through its TLB.
import type { Shared } from '@faultline/atomics';
import type { Program } from '@faultline/checker';
import {
  flushRemoteTlbs,
  type Gfn,
  type GfnRange,
  inStretches,
  invalidateRangeEnd,
  invalidateRangeStart,
  type Vm,
  zapLeafs,
} from '@faultline/mmu';
import { contentOf, leafIsPresent } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, guestWrite, hvn0, hvn1, touch } from '../small-vm.ts';
import { emulateSlowFaults, WITHOUT_MMIO_SPTES } from './emulated-writes.ts';

export type Stretches = (
  mem: Shared,
  vm: Vm,
  range: GfnRange,
  zap: (stretch: GfnRange) => boolean,
) => boolean;

export const shipped: Stretches = (mem, vm, range, zap) => inStretches(mem, vm, range, zap);

export const B13 = 'the second page is as the host found it';
export const B15 = 'the first page is as the other host found it';

/** Both pages, as the notifier does it; what it then finds in the second. */
const zapBoth = (stretches: Stretches) => (mem: Shared, vm: Vm) => {
  mem.writeLock(vm.at.mmu_lock);
  const range = { start: gfn0, end: (gfn1 + 1) as Gfn };
  if (stretches(mem, vm, range, (stretch) => zapLeafs(mem, vm, stretch))) flushRemoteTlbs(mem, vm);
  mem.writeUnlock(vm.at.mmu_lock);
  return contentOf(mem, vm, hvn1);
};

/** Finds what there is in the first page, which is its own from the start of the invalidation on. */
function otherHost(mem: Shared, vm: Vm): number {
  invalidateRangeStart(mem, vm, hvn0, 1);
  const found = contentOf(mem, vm, hvn0);
  invalidateRangeEnd(mem, vm, hvn0, 1);
  return found;
}

export const yieldRace = (
  name: string,
  stretches: Stretches,
  who: 'the only host' | 'another host',
): Program => {
  const alone = who === 'the only host';
  const page = alone ? gfn1 : gfn0;
  return race({
    name,
    vm: { ...WITHOUT_MMIO_SPTES, yieldInterval: 1 },
    setup(mem, vm) {
      touch(mem, vm, gfn0);
      touch(mem, vm, gfn1);
    },
    vcpus: [
      (mem, vm, vcpu) => {
        emulateSlowFaults(vcpu);
        guestWrite(page, 1)(mem, vm, vcpu);
        guestWrite(page, 2)(mem, vm, vcpu);
      },
    ],
    agents: { zapper: zapBoth(stretches), ...(alone ? {} : { host: otherHost }) },
    finally: alone
      ? { [B13]: (mem, vm, { zapper }) => contentOf(mem, vm, hvn1) === zapper }
      : { [B15]: (mem, vm, { host }) => contentOf(mem, vm, hvn0) === host },
    sometimes: {
      'mmu_lock is free between the two pages': (mem, vm) =>
        !leafIsPresent(mem, vm, gfn0) &&
        leafIsPresent(mem, vm, gfn1) &&
        mem.load32(vm.at.mmu_lock) === 0,
    },
    oops: 'the page belongs to the host, and a guest stores to it through an old TLB entry',
  });
};
