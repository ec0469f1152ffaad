// The fast path of today, with the levels that it goes by replaceable: KVM has had both wrong.
import {
  isLastSpte,
  isMmuWritable,
  isShadowPresent,
  isWritable,
  KVM_MEM_LOG_DIRTY_PAGES,
  type Memslot,
  markPageDirty,
  type PageFault,
  PT_WRITABLE_MASK,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_SPURIOUS,
  type Vm,
  walkToLastSptep,
} from '@faultline/mmu';
import type { FaultHandler } from './guest-store.ts';

/** Which level is asked, given that of the walk's end. */
type Level = (walked: number, vm: Vm, fault: PageFault) => number;

export interface Levels {
  /** For: is this entry a leaf? */
  readonly leafOf: Level;
  /** For: is this leaf too large for the log? */
  readonly refuseLargeOf: Level;
}

/** One try. */
export const fastPageFaultAtLevel =
  ({ leafOf, refuseLargeOf }: Levels): FaultHandler =>
  (mem, vm, fault) => {
    const sptep = walkToLastSptep(mem, vm, fault);
    const low = mem.load64(sptep);
    const high = mem.high;
    const slot = fault.slot as Memslot;
    if (!isShadowPresent(low) || !isLastSpte(low, leafOf(fault.level, vm, fault))) {
      return RET_PF_INVALID;
    }
    if (isWritable(low)) return RET_PF_SPURIOUS;
    if (!isMmuWritable(low)) return RET_PF_INVALID;
    const logged = (slot.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;
    if (logged && refuseLargeOf(fault.level, vm, fault) > 1) return RET_PF_INVALID;
    if (!mem.cmpxchg64(sptep, low, high, low | PT_WRITABLE_MASK, high)) return RET_PF_INVALID;
    markPageDirty(mem, vm, slot, fault.gfn);
    return RET_PF_FIXED;
  };
