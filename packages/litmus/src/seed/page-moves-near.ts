// Result: Never
//
// A page moves to the next frame: the upper half of its spte stays as it was.
// Source: the rule that loads and compares of an spte are 64 bits wide; 32-bit hosts needed clear_spte_count for it
// (c2a2ac2b563c).
import { movePage } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { pageReplaced } from './aba-direct.ts';

export const pageMovesNear: Litmus = {
  name: 'page-moves-near',
  title: 'A page moves to the next frame, under a fast path that holds the old spte.',
  result: 'Never',
  source: 'KVM: kvm_mmu_page::clear_spte_count, for hosts that cannot compare 64 bits at once',
  story:
    'A fast path has read a read-only spte. The host moves the page to another frame, the guest reads it, a harvest ' +
    'protects it: the flags are what they were, and so is the high half.',
  fix: 'The cmpxchg compares all 64 bits. One that compared the high half would map the old frame, which is free.',
  links: ['https://docs.kernel.org/virt/kvm/locking.html'],
  program: () => pageReplaced('page-moves-near', movePage, { vm: { pageFrames: 2 } }),
};
