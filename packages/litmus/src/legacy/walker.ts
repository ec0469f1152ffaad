// A vCPU of the legacy MMU that repairs its fault by the fast path, inside a walk that says so.
import type { Shared } from '@faultline/atomics';
import {
  fastPageFault,
  type PageFault,
  RET_PF_INVALID,
  RET_PF_RETRY,
  type RetPf,
  type Vm,
  walkShadowPageLocklessBegin,
  walkShadowPageLocklessEnd,
} from '@faultline/mmu';

export interface Walk {
  readonly begin: typeof walkShadowPageLocklessBegin;
  readonly end: typeof walkShadowPageLocklessEnd;
}

export const shippedWalk: Walk = {
  begin: walkShadowPageLocklessBegin,
  end: walkShadowPageLocklessEnd,
};

/** As pageFault(): what the fast path leaves to the slow one ends its walk there. */
export const fastPageFaultIn =
  ({ begin, end }: Walk) =>
  (mem: Shared, vm: Vm, fault: PageFault): RetPf => {
    if (!begin(mem, vm, fault)) return RET_PF_RETRY;
    const ret = fastPageFault(mem, vm, fault);
    if (ret === RET_PF_INVALID) mem.exitRead();
    else end(mem, vm, fault);
    return ret;
  };
