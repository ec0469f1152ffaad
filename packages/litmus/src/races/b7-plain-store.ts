// Result: Sometimes; with an exchange whose answer decides: Never.
//
// Whoever holds mmu_lock reads an spte, stores another value and decides on the flush by what he read: in between the fast
// path has set W, and a TLB has it.
// Source: KVM commit ba3a6120a4e7 (April 2022).
import type { Shared } from '@faultline/atomics';
import { flushRemoteTlbs, isWritable, type Spte, type Vm, writeSpte } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable } from '../properties.ts';
import { race } from '../setting.ts';
import { gfn0, guestWrite, harvestAll, leafAt, touch } from '../small-vm.ts';
import { emulateSlowFaults, WITHOUT_MMIO_SPTES } from './emulated-writes.ts';
import { brokenAndRepaired } from './pair.ts';
import { BOTH_BITS, leafEntry, trackedPageStandsStill, trackWrites } from './write-track.ts';

/** Answers what was there before, as far as it knows. */
type Write = (mem: Shared, vm: Vm, seen: Spte, spte: Spte) => Spte;

const storePlainly: Write = (mem, vm, seen, { low, high }) => {
  mem.storePlain64(leafAt(vm, gfn0), low, high);
  return seen;
};

const protectBy = (write: Write) => (mem: Shared, vm: Vm) => {
  const seen = { low: mem.load64(leafAt(vm, gfn0)), high: mem.high };
  const old = write(mem, vm, seen, { low: seen.low & ~BOTH_BITS, high: seen.high });
  if (isWritable(old.low)) flushRemoteTlbs(mem, vm);
};

export const PLAIN_STORE: readonly Litmus[] = brokenAndRepaired<Write>({
  name: 'b7-plain-store',
  title: 'The fast path sets W between the load of an spte and a plain store to it',
  violates: 'a tracked page stands still',
  source: 'KVM commit ba3a6120a4e7 (April 2022); locking.rst, "spte is volatile"',
  story:
    'The writer loads an spte whose W is clear, and stores a value without the right to write. In between the fast path ' +
    'sets W, and the vCPU stores through it. The writer saw no W, so it flushes nothing; the TLB keeps the right.',
  fix: 'Exchange where the fast path may interfere, and decide by the value that the exchange found.',
  links: ['https://git.kernel.org/linus/ba3a6120a4e7'],
  broken: storePlainly,
  repaired: (mem, vm, seen, spte) => writeSpte(mem, leafEntry(vm, gfn0), seen, spte),
  make: (name, write) =>
    race({
      name,
      vm: WITHOUT_MMIO_SPTES,
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        harvestAll(mem, vm);
      },
      vcpus: [
        (mem, vm, vcpu) => {
          emulateSlowFaults(vcpu);
          guestWrite(gfn0, 1)(mem, vm, vcpu);
          guestWrite(gfn0, 2)(mem, vm, vcpu);
        },
      ],
      agents: { tracker: trackWrites(protectBy(write)) },
      finally: { 'a tracked page stands still': trackedPageStandsStill },
      sometimes: {
        'the fast path sets W under the lock': (mem, vm) =>
          leafIsWritable(mem, vm, gfn0) && mem.load32(vm.at.mmu_lock) !== 0,
      },
      oops: 'a guest page table is written behind the back of whoever shadows it',
    }),
});
