// Work over a long range under mmu_lock, held for writing: given up now and then, so that no fault, no notifier and no
// harvest waits for all of it. KVM: tdp_mmu_iter_cond_resched().
//
// Three rules. Progress: a stretch is done between two yields, or two that yield to each other would go on for ever. From the
// root: tables may have come and gone meanwhile, so that nothing found before it counts after it, and the next stretch begins
// where the last one ended. Flush first: whoever takes the lock relies on it that no TLB holds what the sptes do not.
import type { Shared } from '@faultline/atomics';
import type { Gfn } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from './flush-remote-tlbs.ts';
import type { GfnRange } from './tdp-iter.ts';

/**
 * Calls `work` with one stretch of `range` after the other; it answers whether it owes a flush. `owed`: one is owed from
 * before. Answers whether one is owed at the end, when the lock is held as at the beginning.
 */
export function inStretches(
  mem: Shared,
  vm: Vm,
  { start, end }: GfnRange,
  work: (stretch: GfnRange) => boolean,
  owed = false,
): boolean {
  let flush = owed;
  for (let from = start; ; ) {
    const to = Math.min(end, from + vm.yieldInterval) as Gfn;
    flush = work({ start: from, end: to }) || flush;
    if (to === end) return flush;
    // KVM looks whether anybody waits; here readers that wait for a writer leave no trace in the lock.
    // Litmus: b15-yields-with-a-flush-owed.
    if (flush) flushRemoteTlbs(mem, vm);
    flush = false;
    mem.writeUnlock(vm.at.mmu_lock);
    mem.writeLock(vm.at.mmu_lock);
    from = to; // and not beyond: litmus b13-steps-past-after-yield
  }
}
