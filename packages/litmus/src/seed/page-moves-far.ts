// Result: Never
//
// A page moves to a frame whose number differs in bit 20 only: half of its spte comes back as it was.
// Source: the rule that loads and compares of an spte are 64 bits wide; 32-bit hosts needed clear_spte_count for it
// (c2a2ac2b563c).
import { movePage } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { pageReplaced } from './aba-direct.ts';

const NEAR = 1;
const FAR = NEAR + 2 ** 20;

export const pageMovesFar: Litmus = {
  name: 'page-moves-far',
  title:
    'A page moves to a frame whose number differs in bit 20 only, under a fast path that holds the old spte.',
  result: 'Never',
  source: 'KVM: kvm_mmu_page::clear_spte_count, for hosts that cannot compare 64 bits at once',
  story:
    'The low half of an spte holds the flags and twenty bits of the frame number. The host moves the page by 4 GiB; the ' +
    'guest reads it, a harvest protects it: the low half is what it was, the high half is not.',
  fix: 'The cmpxchg compares all 64 bits. One that compared the low half would map the old frame, which is free.',
  links: ['https://docs.kernel.org/virt/kvm/locking.html'],
  program: () =>
    pageReplaced('page-moves-far', movePage, { vm: { pageFrames: FAR + 1 }, pfns: [NEAR, FAR] }),
};
