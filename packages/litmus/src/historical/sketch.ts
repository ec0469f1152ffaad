// The reviewer's fast path of April 2012 (Avi Kivity), in both orders of its two shared writes. PT_MAY_ALLOW_WRITES is
// used up by success; here MMU_WRITABLE plays it, which every slow fault sets again.
//
// As typed in the mail the new value clears W too, which repairs nothing: `spte & ~(PT64_MAY_ALLOW_WRITES |
// PT_WRITABLE_MASK)`. Meant is surely W set.
import type { Shared } from '@faultline/atomics';
import {
  isMmuWritable,
  isShadowPresent,
  markPageDirty,
  type PageFault,
  PT_WRITABLE_MASK,
  RET_PF_FIXED,
  RET_PF_INVALID,
  type RetPf,
  SPTE_MMU_WRITABLE,
  type Vm,
} from '@faultline/mmu';

const PT_MAY_ALLOW_WRITES = SPTE_MMU_WRITABLE;

/** As in the mail. Racy: a harvest between the mark and the exchange takes the mark, and changes nothing in the spte. */
export function sketchMarkFirst(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const low = mem.load64(fault.sptep);
  const high = mem.high;
  if (!isShadowPresent(low) || !isMmuWritable(low)) return RET_PF_INVALID;
  markPageDirty(mem, vm, fault.slot, fault.gfn);
  return exchange(mem, fault, low, high) ? RET_PF_FIXED : RET_PF_INVALID;
}

/** With the two exchanged. */
export function sketchExchangeFirst(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const low = mem.load64(fault.sptep);
  const high = mem.high;
  if (!isShadowPresent(low) || !isMmuWritable(low)) return RET_PF_INVALID;
  if (!exchange(mem, fault, low, high)) return RET_PF_INVALID;
  markPageDirty(mem, vm, fault.slot, fault.gfn);
  return RET_PF_FIXED;
}

const exchange = (mem: Shared, { sptep }: PageFault, low: number, high: number): boolean =>
  mem.cmpxchg64(sptep, low, high, (low & ~PT_MAY_ALLOW_WRITES) | PT_WRITABLE_MASK, high) === 1;

/** To the letter. Answers FIXED with W clear. */
export function sketchAsTyped(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const { sptep } = fault;
  const low = mem.load64(sptep);
  const high = mem.high;
  if (!isShadowPresent(low) || !isMmuWritable(low)) return RET_PF_INVALID;
  markPageDirty(mem, vm, fault.slot, fault.gfn);
  const typed = low & ~(PT_MAY_ALLOW_WRITES | PT_WRITABLE_MASK);
  return mem.cmpxchg64(sptep, low, high, typed, high) ? RET_PF_FIXED : RET_PF_INVALID;
}
