// In: what the slow path learned of the host's page. Out: the spte that says so, and no more.
import { PAGE_SHIFT, type Pfn } from '../address.ts';
import type { Spte } from '../event.ts';
import {
  isLastSpte,
  isWritable,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  PT_PAGE_SIZE_MASK,
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
 * A leaf of `level`, whose first frame is `pfn`. Host permission goes into the word that the fast path compares, and nowhere else is it ever set:
 * that is why the fast path need not look at the host. KVM: make_spte(), without write tracking.
 */
export function makeSpte(pfn: Pfn, hostWritable: boolean, level = 1): Spte {
  const { low, high } = pfnToSpte(pfn);
  const size = level > 1 ? PT_PAGE_SIZE_MASK : 0;
  return { low: low | READABLE | size | (hostWritable ? WRITABLE : 0), high };
}

/** `spte` of a page that nobody has asked for yet: A is left to hardware. KVM: make_spte() with `prefetch`. */
export const inAdvance = ({ low, high }: Spte): Spte => ({ low: low & ~PT_ACCESSED_MASK, high });

/**
 * `spte` as it is put where `old` stood, at `level`: over what is writable D is left to hardware. KVM looks at W alone, and so
 * takes an MMIO spte for writable, whose W is a right to the device. KVM: make_spte(), is_writable_pte(old_spte).
 */
export const replacing = (old: Spte, level: number, spte: Spte): Spte =>
  isLastSpte(old.low, level) && isWritable(old.low)
    ? { low: spte.low & ~PT_DIRTY_MASK, high: spte.high }
    : spte;

/** The leaf of page `index` of a large leaf, with the same rights. KVM: make_small_spte(), to level 1. */
export const makeSmallSpte = ({ low, high }: Spte, index: number): Spte => ({
  // The frames of a large leaf begin at an aligned one.
  low: (low & ~PT_PAGE_SIZE_MASK) | (index << PAGE_SHIFT),
  high,
});

/** An entry that leads to the table in frame number `frame`. KVM: make_nonleaf_spte(). */
export function makeNonleafSpte(frame: number): Spte {
  const { low, high } = pfnToSpte(frame);
  return { low: low | READABLE | PT_WRITABLE_MASK, high };
}
