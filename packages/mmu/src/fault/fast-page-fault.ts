// The fast path: one load, one decision, one compare-and-exchange, no lock. KVM 6.12: fast_page_fault().
//
// Guarantee: changes nothing but W of one leaf and this gfn's dirty bit. Relies on three things of everybody else:
//   - whoever withdraws the right to write (a notifier, write tracking) changes this very word under mmu_lock before it
//     relies on that, so that the exchange fails or, coming first, is undone and flushed;
//   - HOST_WRITABLE and MMU_WRITABLE are only ever set by the slow path, after its check against the host;
//   - position names the gfn: the table is direct, so that the same value in the same place always means the same right.
import type { Shared } from '@faultline/atomics';
import { markPageDirty } from '../dirty/dirty-bitmap.ts';
import type { Vm } from '../memory-map.ts';
import {
  isLastSpte,
  isMmuWritable,
  isShadowPresent,
  isWritable,
  PT_WRITABLE_MASK,
} from '../spte/spte.ts';
import { walkToLastSptep } from '../spte/walk.ts';
import { isLogged } from '../vm/memslots.ts';
import { type PageFault, rememberOld } from './fault.ts';
import { RET_PF_FIXED, RET_PF_INVALID, RET_PF_SPURIOUS, type RetPf } from './ret-pf.ts';

const ATTEMPTS = 5;

/** Tries to repair a write fault; INVALID leaves it to the slow path. In a read section. */
export function fastPageFault(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const sptep = walkToLastSptep(mem, vm, fault);
    const low = mem.load64(sptep);
    const high = mem.high;
    if (mem.emit !== undefined) rememberOld(fault, sptep, low, high);
    if (!isShadowPresent(low)) return RET_PF_INVALID; // zapped meanwhile
    if (!isLastSpte(low, fault.level)) return RET_PF_INVALID; // a table appeared where the walk ended
    if (isWritable(low)) return RET_PF_SPURIOUS; // repaired by another vCPU, or our TLB was stale
    if (!isMmuWritable(low)) return RET_PF_INVALID; // the host must be asked
    // One bit in the log cannot stand for the pages of a large leaf: it has to be split first.
    if (fault.level > 1 && isLogged(fault.slot)) return RET_PF_INVALID;
    // Linearizes here. Whoever took the right to write away has changed this word since `low`, and then we lose. If the
    // same word came back, the slow path has checked it anew.
    if (mem.cmpxchg64(sptep, low, high, low | PT_WRITABLE_MASK, high)) {
      // After, never before: a harvest between a mark and the exchange would take the mark and, finding W clear, change
      // nothing that the exchange could notice; the page would then be written with nobody to log it. Litmus:
      // mark-dirty-before-cmpxchg.
      markPageDirty(mem, vm, fault.slot, fault.gfn);
      return RET_PF_FIXED;
    }
  }
  return RET_PF_INVALID;
}
