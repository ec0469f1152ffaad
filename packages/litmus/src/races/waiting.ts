// Races of the catalogue that wait for a part of the MMU that is not here yet, or for a checker that can say them.

export type WaitsFor =
  | 'another address space'
  | 'nested guests'
  | 'shadow paging'
  | 'time'
  | 'yielding';

export interface WaitingRace {
  /** Its number in the catalogue. */
  readonly id: string;
  readonly title: string;
  readonly waitsFor: WaitsFor;
  readonly why: string;
}

export const WAITING: readonly WaitingRace[] = [
  {
    id: 'B8',
    title: 'Clearing D alone loses the writes of a nested guest (2024)',
    waitsFor: 'nested guests',
    why: 'there is no guest in a guest, for which PML is off',
  },
  {
    id: 'B11',
    title: 'A fault with the read lock makes room among pages that need the write lock (2022)',
    waitsFor: 'nested guests',
    why: 'a VM has one MMU: no shadow pages beside those of the TDP MMU',
  },
  {
    id: 'B12',
    title: 'Two faults with the read lock count unsync children at once (2021)',
    waitsFor: 'shadow paging',
    why: 'no page is ever unsync',
  },
  {
    id: 'B14',
    title: 'Two walks yield to each other at the first entry for ever (2021)',
    waitsFor: 'yielding',
    why: 'a walk yields after so many frames, not at the sight of who waits',
  },
  {
    id: 'B17',
    title: 'Zapping everything starts again whenever a vCPU maps a page (2019)',
    waitsFor: 'shadow paging',
    why: 'what hangs on a root that was given up is gone through once; faults map under the other one',
  },
  {
    id: 'B18',
    title: 'Two emulated writes of a guest page table reach the spte in the wrong order (2018)',
    waitsFor: 'shadow paging',
    why: 'the guest has no page tables of its own here',
  },
  {
    id: 'B20',
    title: 'Write tracking is asked for one address space only (2026)',
    waitsFor: 'another address space',
    why: 'there is one set of memslots, none for system management mode',
  },
  {
    id: 'B21',
    title: 'An MMIO spte is stored over a present one without a zap (2026)',
    waitsFor: 'shadow paging',
    why: 'it takes a guest page table that changes from memory to a device',
  },
  {
    id: 'B22',
    title: 'Lockless ageing finds an rmap empty and walks it when it is not (2026)',
    waitsFor: 'shadow paging',
    why: 'the rmaps of the legacy MMU are walked under mmu_lock alone',
  },
  {
    id: 'B26',
    title: 'Faults that are certain to be retried keep the invalidation from its lock (2024)',
    waitsFor: 'time',
    why: 'nothing wrong is ever done, only slowly; here such a fault sleeps',
  },
];
