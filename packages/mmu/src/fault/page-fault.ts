// A guest access that hardware refused: tries the fast path where it may, then the slow one.
// KVM: kvm_mmu_page_fault(), direct_page_fault().
import type { Shared } from '@faultline/atomics';
import { type Gpa, gpaToGfn } from '../address.ts';
import type { MmuEvent } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { gfnToMemslot } from '../vm/memslots.ts';
import { isWriteFault, pageFaultCanBeFast } from './error-code.ts';
import { fastPageFault } from './fast-page-fault.ts';
import { fastPageFault2012 } from './fast-page-fault-2012.ts';
import type { PageFault } from './fault.ts';
import { RET_PF_INVALID, type RetPf } from './ret-pf.ts';
import { slowPageFault } from './slow-page-fault.ts';

/** How a fault ended, and whether the fast path ended it. */
export interface PageFaultResult {
  ret: RetPf;
  fast: boolean;
}

/** Handles one fault of the vCPU that owns `fault`, in guest mode; afterwards it may be outside. Fills `result`. */
export function pageFault(
  mem: Shared,
  vm: Vm,
  fault: PageFault,
  addr: Gpa,
  errorCode: number,
  result: PageFaultResult,
): void {
  fault.addr = addr;
  fault.gfn = gpaToGfn(addr);
  fault.error_code = errorCode;
  fault.write = isWriteFault(errorCode);
  mem.enterRead();
  fault.slot = gfnToMemslot(mem, vm, fault.memslots, fault.gfn);
  mem.emit?.({
    event: 'kvm_page_fault',
    vcpu_id: fault.vcpu_id,
    rip: 0,
    fault_address: addr,
    error_code: errorCode,
  } satisfies MmuEvent);
  const ret = pageFaultCanBeFast(errorCode) ? tryFastPath(mem, vm, fault) : RET_PF_INVALID;
  mem.exitRead();
  result.fast = ret !== RET_PF_INVALID;
  result.ret = result.fast ? ret : slowPageFault(mem, vm, fault);
}

function tryFastPath(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  switch (vm.faultPath) {
    case 'current':
      return fastPageFault(mem, vm, fault);
    case 'merged':
      return fastPageFault2012(mem, vm, fault);
    case 'slow':
      return RET_PF_INVALID;
  }
}
