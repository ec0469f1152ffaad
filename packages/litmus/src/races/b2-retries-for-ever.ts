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
  isShadowPresent,
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  pageFaultCanBeFast,
  RET_PF_EMULATE,
  RET_PF_RETRY,
  slowPageFault,
  type Vcpu,
  type Vm,
} from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { race } from '../setting.ts';
import { leafAt } from '../small-vm.ts';
import { emulateSlowFaults } from './emulated-writes.ts';
import { brokenAndRepaired } from './pair.ts';

type CanBeFast = (errorCode: number) => boolean;

const DEVICE = 1 as Gfn;
const MISCONFIGURED = PFERR_PRESENT_MASK | PFERR_WRITE_MASK | PFERR_USER_MASK | PFERR_RSVD_MASK;
/** Present to hardware, with the reserved bit 51 that makes it fault; not MMU-present. */
const MMIO_SPTE = { low: 0b111, high: 1 << 19 };

/** A store to the device: hardware meets the reserved bit each time. */
function store(mem: Shared, vm: Vm, vcpu: Vcpu, canBeFast: CanBeFast): number {
  const { fault } = vcpu;
  emulateSlowFaults(vcpu);
  for (;;) {
    mem.again(fault.mode.word);
    Object.assign(fault, { gfn: DEVICE, addr: gfnToGpa(DEVICE), error_code: MISCONFIGURED });
    fault.slot = undefined;
    const handle = canBeFast(MISCONFIGURED) ? fastPageFault2012 : slowPageFault;
    const ret = handle(mem, vm, fault);
    if (ret !== RET_PF_RETRY) return ret;
  }
}

export const RETRIES_FOR_EVER: readonly Litmus[] = brokenAndRepaired<CanBeFast>({
  name: 'b2-retries-for-ever',
  title: 'An MMIO fault is taken for one that the fast path may repair',
  violates: 'livelock',
  source: 'KVM commit 1c118b822692 (July 2013); seen on AMD since MMIO sptes had generations',
  story:
    'The MMIO spte has an old generation, so that it counts for nothing, but hardware still reports P with RSVD. The fast ' +
    'path of the time finds no present leaf and says: somebody changed it, try again. Nobody has.',
  fix: 'A fault with RSVD set is no matter of rights: the fast path does not try.',
  links: ['https://git.kernel.org/linus/1c118b822692'],
  broken: (errorCode) => pageFaultCanBeFast(errorCode & ~PFERR_RSVD_MASK),
  repaired: pageFaultCanBeFast,
  make: (name, canBeFast) =>
    race({
      name,
      setup: (mem, vm) => mem.store64(leafAt(vm, DEVICE), MMIO_SPTE.low, MMIO_SPTE.high),
      vcpus: [(mem, vm, vcpu) => store(mem, vm, vcpu, canBeFast)],
      finally: { 'the device is asked': (_mem, _vm, { vcpu0 }) => vcpu0 === RET_PF_EMULATE },
      sometimes: {
        'hardware meets a reserved bit': (mem, vm) =>
          !isShadowPresent(mem.load64(leafAt(vm, DEVICE))) && mem.high === MMIO_SPTE.high,
      },
      oops: 'the guest never gets past this instruction',
    }),
});
