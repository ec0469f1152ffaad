// What became of a fault, as one of a list: every fault is of exactly one kind, so that the counts add up to all of them.
// The kind is told from what the vCPU's thread did between its exit and its next entry: kind-of.ts has the rules.

export interface KindDescription {
  /** At most 40 letters, so that the table fits a mail. */
  readonly label: string;
  /** Happens because the dirty log is on. */
  readonly isLogging?: true;
  /** What to do about it, or why nothing is to be done: with the label, a line of a mail. */
  readonly soWhat: string;
}

export type FaultKind =
  | 'fast_fixed'
  | 'fast_spurious'
  | 'zapped_in_flight'
  | 'huge_logged'
  | 'slow_remap'
  | 'cow'
  | 'read_only_slot'
  | 'access_tracked'
  | 'write_tracked'
  | 'fast_declined'
  | 'slow_map'
  | 'slow_huge'
  | 'slow_write'
  | 'slow_exec'
  | 'emulated'
  | 'mmio_first'
  | 'mmio_fast'
  | 'mmio_cached'
  | 'mmio_stale'
  | 'mmio_eventfd'
  | 'guest_fault'
  | 'async_page'
  | 'userspace'
  | 'retried'
  | 'unfinished';

/** In the order in which they are told. */
export const FAULT_KINDS: Readonly<Record<FaultKind, KindDescription>> = {
  fast_fixed: {
    label: 'fast path: fixed without mmu_lock',
    isLogging: true,
    soWhat: 'first write after a harvest; fewer harvests, fewer of them',
  },
  fast_spurious: {
    label: 'fast path: spurious, repaired already',
    isLogging: true,
    soWhat: 'vCPUs write the same page at once; harmless',
  },
  zapped_in_flight: {
    label: 'fast path: spte gone in flight (race)',
    soWhat: 'the host took the page under the fault; see the races',
  },
  huge_logged: {
    label: 'huge page under logging',
    isLogging: true,
    soWhat: 'split or dropped in the fault; eager_page_split=Y splits ahead',
  },
  slow_remap: {
    label: '4K map where a huge page was dropped',
    isLogging: true,
    soWhat: 'logging cost a 2M page; TDP MMU, eager_page_split=Y',
  },
  cow: {
    label: 'host page read-only: copied (KSM, fork)',
    // Memory that is read before it is written has the host's zero page until then.
    soWhat: 'keep KSM and fork off; preallocate (no zero page then)',
  },
  read_only_slot: {
    label: 'read-only memslot: the VMM emulates',
    soWhat: 'right for flash and ROM, else a wrong flag',
  },
  access_tracked: {
    label: 'access-tracked spte: the slow path',
    soWhat: 'no A/D bits: idle-page tracking costs faults',
  },
  write_tracked: {
    label: 'gfn shadows a guest page table',
    soWhat: 'expected without EPT or NPT, and of nested guests',
  },
  fast_declined: {
    label: 'fast path declined, another reason',
    soWhat: 'look at old and new of fast_page_fault in the trace',
  },
  slow_map: {
    label: 'slow path: 4K page mapped',
    soWhat: 'first touch, or the host had taken it; preallocate, use huge pages',
  },
  slow_huge: {
    label: 'slow path: huge page mapped',
    soWhat: 'one fault for 512 pages; long ones wait for a page to be zeroed',
  },
  slow_write: {
    label: 'slow path: made writable',
    isLogging: true,
    soWhat: 'no fast path here: shadow paging, nested guests',
  },
  slow_exec: {
    label: 'slow path: made executable',
    soWhat: 'nx_huge_pages splits what is executed (iTLB multihit)',
  },
  emulated: {
    label: 'emulated',
    soWhat: 'writes to shadowed page tables, most often; EPT or NPT has none',
  },
  mmio_first: {
    label: 'MMIO: first touch, spte made',
    soWhat: 'once per page and generation of the memslots',
  },
  mmio_fast: {
    label: 'MMIO: known from its spte',
    soWhat: 'an exit per access: see the MMIO registers',
  },
  mmio_cached: {
    label: "MMIO: known from the vCPU's cache",
    soWhat: 'one page again and again: see the MMIO registers',
  },
  mmio_stale: {
    label: 'MMIO: spte of an old generation',
    soWhat: 'each memslot change makes all of them stale: change fewer',
  },
  mmio_eventfd: {
    label: 'MMIO: taken by an ioeventfd',
    soWhat: 'the cheapest that an MMIO write can be',
  },
  guest_fault: {
    label: "guest's own fault, handed to it",
    soWhat: "the guest's tables forbid it: nothing for the host to do",
  },
  async_page: {
    label: 'host page awaited (async page fault)',
    soWhat: 'guest memory is swapped out: give it more, or lock it',
  },
  userspace: {
    label: 'handed to the VMM',
    soWhat: 'the host had no page (EFAULT, userfaultfd): look at the VMM',
  },
  retried: {
    label: 'retried: no spte event at all',
    soWhat: 'the vCPU spins while a notifier holds the page: see the host',
  },
  unfinished: {
    label: 'unfinished: no re-entry in the trace',
    soWhat: 'the trace ends, or lost events, inside them',
  },
};

export const kindNames: readonly FaultKind[] = Object.keys(FAULT_KINDS) as FaultKind[];
