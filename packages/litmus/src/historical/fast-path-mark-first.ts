// The fast path of today with its two shared writes in the order of the reviewer's sketch: mark, then exchange. Racy for
// the same reason, though the bit that allows it stays.
import type { Shared } from '@faultline/atomics';
import {
  isMmuWritable,
  isShadowPresent,
  isWritable,
  markPageDirty,
  type PageFault,
  PT_WRITABLE_MASK,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_SPURIOUS,
  type RetPf,
  type Vm,
} from '@faultline/mmu';

export function fastPageFaultMarkFirst(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const low = mem.load64(fault.sptep);
  const high = mem.high;
  if (!isShadowPresent(low)) return RET_PF_INVALID;
  if (isWritable(low)) return RET_PF_SPURIOUS;
  if (!isMmuWritable(low)) return RET_PF_INVALID;
  markPageDirty(mem, vm, fault.slot, fault.gfn);
  const fixed = mem.cmpxchg64(fault.sptep, low, high, low | PT_WRITABLE_MASK, high);
  return fixed ? RET_PF_FIXED : RET_PF_INVALID;
}
