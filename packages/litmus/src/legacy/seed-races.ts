// Result: Never
//
// Races of the review of 2012 once more, with the MMU that KVM had then: rmaps, and mmu_lock for one at a time.
import { writeProtectHostPage } from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import { movePage } from '../host-acts.ts';
import type { Litmus } from '../litmus.ts';
import { leafIsWritable, pageTableLaws } from '../properties.ts';
import { pageReplaced } from '../seed/aba-direct.ts';
import { ksmAgainstFastPath } from '../seed/ksm-merge.ts';
import { migrationAgainst } from '../seed/mark-dirty-after-cmpxchg.ts';
import { slotDeleted } from '../seed/slot-deletion.ts';
import { gfn0 } from '../small-vm.ts';
import { fastPageFaultIn, shippedWalk } from './walker.ts';

const vm = { mmu: 'legacy' } as const;
const fast = fastPageFaultIn(shippedWalk);
const write = (value: number) => guestWriteBy({ fast }, gfn0, value);

const told = {
  result: 'Never',
  source: 'linux-kvm, April 2012, review of "KVM: MMU: fast page fault"',
  links: [],
} as const;

export const LEGACY_SEED: readonly Litmus[] = [
  {
    ...told,
    name: 'legacy-ksm-merge',
    title: 'KSM merges a page while a vCPU repairs its fault on it, in the legacy MMU.',
    story:
      'The notifier finds the leaf by the rmap of its page, and exchanges it for nothing, since the fast path may change it.',
    fix: 'As in ksm-merge: the notifier changes the very word that the fast path compares, and flushes under mmu_lock.',
    program: () =>
      ksmAgainstFastPath('legacy-ksm-merge', writeProtectHostPage, {
        vm,
        vcpus: [write(1)],
        always: pageTableLaws,
        sometimes: { 'the fast path sets W': (mem, own) => leafIsWritable(mem, own, gfn0) },
      }),
  },
  {
    ...told,
    name: 'legacy-mark-dirty-after-cmpxchg',
    title: 'A migration harvests the log by rmaps while a vCPU repairs its fault.',
    story:
      'The harvest protects a leaf by a store, or by an exchange where W is clear: then nothing is to be done.',
    fix: 'As in mark-dirty-after-cmpxchg: the mark follows the exchange.',
    program: () =>
      migrationAgainst('legacy-mark-dirty-after-cmpxchg', [write(1)], {
        vm,
        always: pageTableLaws,
        sometimes: { 'the fast path sets W': (mem, own) => leafIsWritable(mem, own, gfn0) },
      }),
  },
  {
    ...told,
    name: 'legacy-page-moves',
    title:
      'The host moves a page away, found by its rmap, under a fast path that holds the old spte.',
    story: 'The leaf goes, another frame is mapped in its place, and a harvest protects that.',
    fix: 'As in aba-direct: the place names the gfn, and the exchange compares the frame with the flags.',
    program: () => pageReplaced('legacy-page-moves', movePage, { vm: { ...vm, pageFrames: 2 } }),
  },
  {
    ...told,
    name: 'legacy-slot-deletion',
    title: 'A VMM deletes a memslot while a vCPU faults on a page of it, in the legacy MMU.',
    story:
      'The slot is invalid first; then its leaves are zapped by their rmaps, and its tables freed after a flush.',
    fix: 'As in slot-deletion: every vCPU has seen that the slot is invalid before anything is zapped.',
    program: () => slotDeleted('legacy-slot-deletion', vm),
  },
];
