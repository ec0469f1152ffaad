// The fast path as it was merged in July 2012 (KVM: mmu.c of c7ba5b48cc8d): a single try, both software bits asked for,
// and a loser that enters the guest again. What it may write and relies on: as in fast-page-fault.ts.
import type { Shared } from '@faultline/atomics';
import { markPageDirty } from '../dirty/dirty-bitmap.ts';
import type { Vm } from '../memory-map.ts';
import {
  isAccessAllowed,
  isHostWritable,
  isLastSpte,
  isMmuWritable,
  isShadowPresent,
  isWritable,
  PT_WRITABLE_MASK,
} from '../spte/spte.ts';
import { walkToLastSptep } from '../spte/walk.ts';
import { isLogged } from '../vm/memslots.ts';
import { type PageFault, rememberOld } from './fault.ts';
import {
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from './ret-pf.ts';

/** KVM answered "retry" to everything handled; here FIXED and SPURIOUS are told apart, so that they can be counted. */
export function fastPageFault2012(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const sptep = walkToLastSptep(mem, vm, fault);
  const low = mem.load64(sptep);
  const high = mem.high;
  if (mem.emit !== undefined) rememberOld(fault, sptep, low, high);
  // The mapping changed under us. The bit that hardware asks for is looked at too: this path knew no access tracking, and
  // would give W to a leaf that has lost R.
  if (!isShadowPresent(low) || !isAccessAllowed(low, false)) return RET_PF_RETRY;
  // KVM checked against the level of the host's mapping, which the next year's fix (92a476cbfc47) replaced by this.
  if (!isLastSpte(low, fault.level)) return RET_PF_INVALID;
  if (isWritable(low)) return RET_PF_SPURIOUS;
  if (!isHostWritable(low) || !isMmuWritable(low)) return RET_PF_INVALID;
  // KVM had no need of it: until 2013 the log dropped large leaves instead of protecting them. Litmus: b1-opens-a-large-page.
  if (fault.level > 1 && isLogged(fault.slot)) return RET_PF_INVALID;
  // Linearizes here, for the reasons in fast-page-fault.ts.
  if (!mem.cmpxchg64(sptep, low, high, low | PT_WRITABLE_MASK, high)) {
    return RET_PF_RETRY; // the loser faults again
  }
  markPageDirty(mem, vm, fault.slot, fault.gfn); // after, never before
  return RET_PF_FIXED;
}
