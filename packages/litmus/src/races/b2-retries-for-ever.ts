// Result: Sometimes (for ever); with RSVD kept from the fast path: Never.
//
// A guest touches a device whose MMIO spte has an old generation. Hardware reports P, so the fast path tries, finds nothing
// to repair, and sends the guest back to the same access.
// Source: KVM commit 1c118b822692 (July 2013).
import type { Shared } from '@faultline/atomics';
import {
  fastPageFault2012,
  type Gfn,
  gfnToGpa,
  handleMmioPageFault,
  isMmioSpte,
  mmioGeneration,
  mmioSpteGeneration,
  newVcpu,
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  pageFaultCanBeFast,
  RET_PF_EMULATE,
  RET_PF_INVALID,
  RET_PF_RETRY,
  type RetPf,
  setMemslotFlags,
  slowPageFault,
  type Vcpu,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { leafOf } from '../properties.ts';
import { race } from '../setting.ts';
import { guestWrite, inGuest } from '../small-vm.ts';
import { brokenAndRepaired } from './pair.ts';

type CanBeFast = (errorCode: number) => boolean;

const DEVICE = 2 as Gfn;
const RESERVED = PFERR_PRESENT_MASK | PFERR_WRITE_MASK | PFERR_USER_MASK | PFERR_RSVD_MASK;

/** As pageFault(), of a gfn without a slot. */
function mmioFault(mem: Shared, vm: Vm, { fault }: Vcpu, canBeFast: CanBeFast): RetPf {
  Object.assign(fault, { gfn: DEVICE, addr: gfnToGpa(DEVICE), error_code: RESERVED });
  const ret = handleMmioPageFault(mem, vm, fault);
  if (ret !== RET_PF_INVALID) return ret;
  fault.slot = undefined;
  const fast = canBeFast(RESERVED) ? fastPageFault2012(mem, vm, fault) : RET_PF_INVALID;
  return fast === RET_PF_INVALID ? slowPageFault(mem, vm, fault) : fast;
}

/** A store to the device: hardware meets the reserved bit each time. */
function store(mem: Shared, vm: Vm, vcpu: Vcpu, canBeFast: CanBeFast): RetPf {
  for (;;) {
    mem.again(vcpu.fault.mode.word);
    const ret = mmioFault(mem, vm, vcpu, canBeFast);
    if (ret !== RET_PF_RETRY) return ret;
  }
}

const isMarkedNow = (mem: Shared, vm: Vm): boolean => {
  const { low, high } = leafOf(mem, vm, DEVICE);
  const current = mmioGeneration(mem.load32(vm.at.memslots));
  return isMmioSpte(low, high) && mmioSpteGeneration(low, high) === current;
};

export const RETRIES_FOR_EVER: readonly Litmus[] = brokenAndRepaired<CanBeFast>({
  name: 'b2-retries-for-ever',
  title: 'An MMIO fault is taken for one that the fast path may repair',
  violates: 'livelock',
  source: 'KVM commit 1c118b822692 (July 2013); seen on AMD since MMIO sptes had generations',
  story:
    'The memslots have changed since the MMIO spte was made, so that it counts for nothing, but hardware still reports P ' +
    'with RSVD. The fast path of the time finds no present leaf and says: somebody changed it, try again. Nobody has.',
  fix: 'A fault with RSVD set is no matter of rights: the fast path does not try, and the slow one makes the spte anew.',
  links: ['https://git.kernel.org/linus/1c118b822692'],
  broken: (errorCode) => pageFaultCanBeFast(errorCode & ~PFERR_RSVD_MASK),
  repaired: pageFaultCanBeFast,
  make: (name, canBeFast) =>
    race({
      name,
      vm: { geometry: { levels: 1, indexBits: 2 } },
      setup(mem, vm) {
        inGuest(mem, vm, newVcpu(0), guestWrite(DEVICE, 1));
        setMemslotFlags(mem, vm, 0, 0);
      },
      vcpus: [(mem, vm, vcpu) => store(mem, vm, vcpu, canBeFast)],
      finally: {
        'the device is asked': (_mem, _vm, { vcpu0 }) => vcpu0 === RET_PF_EMULATE,
        'and its spte counts again': isMarkedNow,
      },
      sometimes: { 'the spte is of an old generation': (mem, vm) => !isMarkedNow(mem, vm) },
      oops: 'the guest never gets past this instruction',
    }),
});
