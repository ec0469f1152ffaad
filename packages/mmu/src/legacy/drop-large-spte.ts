// A large leaf of the legacy MMU where a small one is wanted, because the log of its slot has begun. It goes, and its pages
// come back one fault at a time: eager splitting is the TDP MMU's alone. mmu_lock held for writing.
import type { Shared } from '@faultline/atomics';
import type { Sptep } from '../address.ts';
import type { Vm } from '../memory-map.ts';
import { flushRemoteTlbs } from '../vm/flush-remote-tlbs.ts';
import { loadSpte } from './mmu-spte.ts';
import { dropSpte } from './zap-page.ts';

/**
 * Zaps a large leaf, for a table to be put there. Flushed at once: the pages that the leaf mapped are in no rmap until a
 * fault has mapped each anew, so that a notifier would not find what TLBs still hold. KVM: drop_large_spte().
 */
export function dropLargeSpte(mem: Shared, vm: Vm, place: { sptep: Sptep; level: number }): void {
  dropSpte(mem, vm, place, loadSpte(mem, place.sptep));
  flushRemoteTlbs(mem, vm);
}
