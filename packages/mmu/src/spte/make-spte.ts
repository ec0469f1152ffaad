// In: what the slow path learned of the host's page. Out: the spte that says so, and no more.
import type { Pfn } from '../address.ts';
import type { Spte } from '../event.ts';
import {
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  PT_PRESENT_MASK,
  PT_USER_MASK,
  PT_WRITABLE_MASK,
  pfnToSpte,
  SPTE_HOST_WRITABLE,
  SPTE_MMU_PRESENT_MASK,
  SPTE_MMU_WRITABLE,
} from './spte.ts';

const READABLE = PT_PRESENT_MASK | PT_USER_MASK | PT_ACCESSED_MASK | SPTE_MMU_PRESENT_MASK;
const WRITABLE = PT_WRITABLE_MASK | PT_DIRTY_MASK | SPTE_HOST_WRITABLE | SPTE_MMU_WRITABLE;

/**
 * A leaf at level 1. Host permission goes into the word that the fast path compares, and nowhere else is it ever set:
 * that is why the fast path need not look at the host. KVM: make_spte(), without write tracking and prefetch.
 */
export function makeSpte(pfn: Pfn, hostWritable: boolean): Spte {
  const { low, high } = pfnToSpte(pfn);
  return { low: low | READABLE | (hostWritable ? WRITABLE : 0), high };
}

/** An entry that leads to the table in frame number `frame`. KVM: make_nonleaf_spte(). */
export function makeNonleafSpte(frame: number): Spte {
  const { low, high } = pfnToSpte(frame);
  return { low: low | READABLE | PT_WRITABLE_MASK, high };
}
