// The fast path where hardware has no A and D: it also gives back the rights that the ager took. KVM 6.12: the same
// fast_page_fault(); here a function of its own, so that VMs with A and D do not pay for it.
//
// Guarantee: changes W, R, X and the saved R and X of one leaf, and this gfn's dirty bit. Relies on what fast-page-fault.ts
// says, and on the saved rights being those of this very word: whoever took the page away has changed it.
import type { Shared } from '@faultline/atomics';
import { markPageDirty } from '../dirty/dirty-bitmap.ts';
import type { Vm } from '../memory-map.ts';
import { restoredHigh, restoredLow } from '../spte/acc-track.ts';
import {
  isAccessAllowed,
  isLastSpte,
  isMmuWritable,
  isShadowPresent,
  PT_WRITABLE_MASK,
} from '../spte/spte.ts';
import { walkToLastSptep } from '../spte/walk.ts';
import { isLogged } from '../vm/memslots.ts';
import { isWriteFault } from './error-code.ts';
import { type PageFault, rememberOld } from './fault.ts';
import { RET_PF_FIXED, RET_PF_INVALID, RET_PF_SPURIOUS, type RetPf } from './ret-pf.ts';

const ATTEMPTS = 5;

/** Tries to repair a write fault, or any on an access-tracked leaf; INVALID leaves it to the slow path. In a read section. */
export function fastPageFaultAccTrack(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  const write = isWriteFault(fault.error_code);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const sptep = walkToLastSptep(mem, vm, fault);
    const low = mem.load64(sptep);
    const high = mem.high;
    if (mem.emit !== undefined) rememberOld(fault, sptep, low, high);
    if (!isShadowPresent(low) || !isLastSpte(low, fault.level)) return RET_PF_INVALID;
    if (isAccessAllowed(low, write)) return RET_PF_SPURIOUS;
    const givesW = write && isMmuWritable(low);
    if (givesW && fault.level > 1 && isLogged(fault.slot)) return RET_PF_INVALID;
    const next = restoredLow(low, high) | (givesW ? PT_WRITABLE_MASK : 0);
    if (!isAccessAllowed(next, write)) return RET_PF_INVALID; // the host must be asked
    // Linearizes here, for the reasons in fast-page-fault.ts. A restore by a plain store would bring back a page that a
    // notifier has zapped since. Litmus: access-track-restore.
    if (mem.cmpxchg64(sptep, low, high, next, restoredHigh(high))) {
      if (givesW) markPageDirty(mem, vm, fault.slot, fault.gfn); // after, never before
      return RET_PF_FIXED;
    }
  }
  return RET_PF_INVALID;
}
