// Result: Sometimes
//
// KSM takes a page from the fast path with a notifier that clears only W: the race that the mail drew.
// Source: the review of the first patchset, April 2012 (Marcelo Tosatti).
import { writeProtectHostPage2012 } from '../historical/notifier-clears-w.ts';
import type { Litmus } from '../litmus.ts';
import { ksmAgainstFastPath } from './ksm-merge.ts';

export const ksmMergeClearsW: Litmus = {
  name: 'ksm-merge-clears-w',
  title: 'KSM merges a page whose spte has lost W only: the fast path gives it back.',
  result: 'Sometimes',
  violates: 'a merged page never changes',
  source: 'linux-kvm, April 2012: "For one, how can this be safe against mmu notifier methods?"',
  story:
    'KSM write-protects the host pte, takes mmu_lock, clears W in the spte, counts mmu_notifier_seq up and lets others ' +
    'share the page. A vCPU finds the spte read-only but repairable: its cmpxchg succeeds, and it writes the shared page.',
  fix: 'The notifier zaps the spte (or clears HOST_WRITABLE and MMU_WRITABLE), so that the compared word says so.',
  links: ['https://lkml.org/lkml/2012/3/29/106'],
  pair: 'ksm-merge',
  program: () => ksmAgainstFastPath('ksm-merge-clears-w', writeProtectHostPage2012, {}),
};
