// Result: Sometimes
//
// The notifier replaces an spte that looks read-only by a plain store: W and Dirty, set meanwhile, are lost.
// Source: Documentation/virt/kvm/locking.rst, exception 2; met again in the TDP MMU (ba3a6120a4e7).

import { SHADOW_NONPRESENT } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { SPTE, type Zap, zapAgainstHardware } from './lost-dirty-bit.ts';

/** Accessed and read-only: "nobody changes it outside mmu_lock", as it was before the fast path. */
const zapByPlainStore: Zap = (mem, seen) => {
  mem.storePlain64(SPTE, SHADOW_NONPRESENT.low, SHADOW_NONPRESENT.high);
  return seen;
};

export const lostDirtyBitPlainStore: Litmus = {
  name: 'lost-dirty-bit-plain-store',
  title:
    'A notifier replaces an spte that looks read-only by a plain store, and loses W and Dirty.',
  result: 'Sometimes',
  violates: 'the host knows that a page was written',
  source: 'Documentation/virt/kvm/locking.rst, exception 2; ba3a6120a4e7',
  story:
    'The notifier has seen a read-only spte and stores over it. Between the two the fast path has set W and the processor ' +
    'has stored and set Dirty. The notifier judges by what it saw: clean, so the host may drop the page.',
  fix: 'Exchange it, and judge by the value returned.',
  links: ['https://docs.kernel.org/virt/kvm/locking.html'],
  pair: 'lost-dirty-bit',
  program: () => zapAgainstHardware('lost-dirty-bit-plain-store', zapByPlainStore),
};
