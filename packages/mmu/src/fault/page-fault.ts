// A guest access that hardware refused: an MMIO spte's is answered by that; else the fast path is tried where it may, then the
// slow one.
// KVM: kvm_mmu_page_fault(), direct_page_fault().
import type { Shared } from '@faultline/atomics';
import { type Gpa, gpaToGfn } from '../address.ts';
import type { MmuEvent } from '../event.ts';
import { CURRENT_ACC_TRACK, FAULT_PATHS, type Vm } from '../memory-map.ts';
import { walkShadowPageLocklessBegin, walkShadowPageLocklessEnd } from '../vm/lockless-walk.ts';
import { gfnToMemslot } from '../vm/memslots.ts';
import {
  isReservedFault,
  PFERR_GUEST_FINAL_MASK,
  pageFaultCanBeFast,
  pageFaultCanBeFastAccTrack,
} from './error-code.ts';
import { fastPageFault } from './fast-page-fault.ts';
import { fastPageFault2012 } from './fast-page-fault-2012.ts';
import { fastPageFaultAccTrack } from './fast-page-fault-acc-track.ts';
import type { PageFault } from './fault.ts';
import { handleMmioPageFault } from './mmio.ts';
import {
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from './ret-pf.ts';
import { slowPageFault } from './slow-page-fault.ts';

const MERGED = FAULT_PATHS.indexOf('merged');
const CURRENT = FAULT_PATHS.indexOf('current');

/**
 * Handles one fault of the vCPU that owns `fault`, in guest mode; afterwards it may be outside; `fault.fast` says
 * whether the fast path ended it.
 * `errorCode` has the low bits only, an int32: that the fault was at the guest's final address is said to listeners.
 */
export function pageFault(
  mem: Shared,
  vm: Vm,
  fault: PageFault,
  addr: Gpa,
  errorCode: number,
): RetPf {
  fault.addr = addr;
  fault.gfn = gpaToGfn(addr);
  fault.error_code = errorCode;
  fault.fast = false;
  if (mem.emit !== undefined) traceFault(mem, fault);
  if (isReservedFault(errorCode)) {
    const ret = handleMmioPageFault(mem, vm, fault);
    if (ret !== RET_PF_INVALID) return ret;
  }
  if (!walkShadowPageLocklessBegin(mem, vm, fault)) return RET_PF_RETRY;
  fault.slot = gfnToMemslot(mem, vm, fault.memslots, fault.gfn);
  const ret = canBeFast(vm, fault) ? tryFastPath(mem, vm, fault) : RET_PF_INVALID;
  fault.fast = ret !== RET_PF_INVALID;
  if (fault.fast) {
    walkShadowPageLocklessEnd(mem, vm, fault);
    return ret;
  }
  // Not its end in the legacy MMU: what was decided by the memslots is good for as long as the mode stays what it is.
  mem.exitRead();
  return slowPageFault(mem, vm, fault);
}

/** Beyond what the page table can index no level is present either, and a walk would end at another gfn's leaf. */
const canBeFast = (vm: Vm, { error_code, gfn }: PageFault): boolean =>
  pageFaultCanBeFast(error_code) ||
  (vm.fastPath === CURRENT_ACC_TRACK &&
    pageFaultCanBeFastAccTrack(error_code) &&
    gfn < vm.gfnLimit);

function tryFastPath(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  let ret: RetPf = RET_PF_INVALID;
  if (vm.fastPath === CURRENT) ret = fastPageFault(mem, vm, fault);
  else if (vm.fastPath === MERGED) ret = fastPageFault2012(mem, vm, fault);
  else if (vm.fastPath === CURRENT_ACC_TRACK) ret = fastPageFaultAccTrack(mem, vm, fault);
  else return ret;
  if (mem.emit !== undefined) traceFastPageFault(mem, fault, ret);
  return ret;
}

function traceFault(mem: Shared, { vcpu_id, addr, error_code }: PageFault): void {
  mem.emit?.({
    event: 'kvm_page_fault',
    vcpu_id,
    rip: 0,
    fault_address: addr,
    error_code: error_code + PFERR_GUEST_FINAL_MASK,
  } satisfies MmuEvent);
}

/** What the fast path saw and did; the new value is read again, as the kernel's tracepoint does. */
function traceFastPageFault(mem: Shared, fault: PageFault, ret: RetPf): void {
  mem.emit?.({
    event: 'fast_page_fault',
    vcpu_id: fault.vcpu_id,
    cr2_or_gpa: fault.addr,
    error_code: fault.error_code + PFERR_GUEST_FINAL_MASK,
    sptep: fault.sptep,
    old_spte: { low: fault.old_low, high: fault.old_high },
    new_spte: { low: mem.load64(fault.sptep), high: mem.high },
    spurious: ret === RET_PF_SPURIOUS,
    fixed: ret === RET_PF_FIXED,
  } satisfies MmuEvent);
}
