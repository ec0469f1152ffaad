// Why some mutants of the shipped code live: docs/mutations.md shows this list, a test holds the two against each other, and
// `faultline check --mutate` fails when a mutant lives that is not in it.

/**
 * redundant: the code does nothing wrong without it. no scenario: it matters where no litmus goes. no property: it changes
 * what happens, and no litmus says that this is wrong.
 */
export type Why = 'redundant' | 'no scenario' | 'no property';

export interface Explanation {
  readonly why: Why;
  readonly because: string;
  /** By name, without the line. */
  readonly mutants: readonly string[];
}

const redundant = (because: string, ...mutants: string[]): Explanation => ({
  why: 'redundant',
  because,
  mutants,
});
const noScenario = (because: string, ...mutants: string[]): Explanation => ({
  why: 'no scenario',
  because,
  mutants,
});
const noProperty = (because: string, ...mutants: string[]): Explanation => ({
  why: 'no property',
  because,
  mutants,
});

export const EXPLAINED: readonly Explanation[] = [
  redundant(
    'A writable leaf is exchanged for itself and its page marked once more: the exchange and the mark are saved.',
    "unguard 'isWritable(low)' fastPageFault",
  ),
  redundant(
    'An exchange of an spte is always right; the plain store is cheaper where nobody else may change the word.',
    "drop 'isMmuWritable(low)' hasVolatileBits",
    "drop '!isWritable(low)' hasVolatileBits",
    "drop 'isShadowPresent(seen.low)' writeSpte",
    "drop 'isLastSpte(seen.low, entry.level)' writeSpte",
    "drop 'hasVolatileBits(seen.low, seen.high)' writeSpte",
  ),
  redundant(
    'Flushes where none is owed: nothing was mapped, or no right was withdrawn.',
    "drop 'isShadowPresent(old.low)' owesFlush",
    "drop '!isShadowPresent(spte.low) || (isMmuWritable(old.low) && !isMmuWritable(spte.low)) || (isAdEnabled(old.high) && isDirty(old.low, old.high) && !isDirty(spte.low, spte.high))' owesFlush",
    "drop 'isMmuWritable(old.low)' owesFlush",
    "drop '!isMmuWritable(spte.low)' owesFlush",
  ),
  redundant(
    'Clears or zaps what is clear or zapped already.',
    "unguard '!isShadowPresent(low) || !isWritable(low)' writeProtectLeaf",
    "drop '!isShadowPresent(low)' writeProtectLeaf",
    "drop '!isWritable(low)' writeProtectLeaf",
    "unguard '(mem.load32(word) & mask) === 0' takeBits",
  ),
  redundant(
    'Every fault marks its page after its exchange, and a harvest changes leaves by atomics alone: so it is right without the ' +
      'lock. KVM marks before it maps, and needs it. slots_lock keeps those apart who free tables.',
    'skip writeLock takeLog',
  ),
  redundant(
    'A lock is held, under which nobody else writes the word; where the lock is left out instead, the atomic is enough. KVM ' +
      'has plain counters under its locks.',
    'split add32 holdMemslots',
    'split add32 invalidateRangeEnd #1',
    'split add32 invalidateRangeEnd #2',
    'split add32 releaseMemslots',
    'split add32 invalidateBegin',
  ),
  redundant(
    'Sequence first, then the count; a fault looks at the count first, then at the sequence. Between atomics this order is ' +
      'enough: the lock is as in KVM, whose counters are plain.',
    'skip writeLock invalidateRangeEnd',
  ),
  redundant(
    'One atomic takes the count down, and who waits for 0 looks at the count itself.',
    'skip lock releaseMemslots',
  ),
  redundant(
    'A range that is too wide makes faults of other frames wait for nothing, and is right.',
    "drop 'first' invalidateBegin #1",
    "drop 'first' invalidateBegin #2",
    "drop 'gfn >= mem.load32(at) >>> 0' isInvalidating",
    "drop 'gfn < mem.load32(at + 4) >>> 0' isInvalidating",
  ),
  redundant(
    'One operation later is still under the lock, without which nobody relies on the word.',
    'delay store32 invalidateBegin #1',
    'delay store32 invalidateBegin #2',
    'delay store32 makeKsmPage',
    'delay store32 place #1',
  ),
  redundant(
    'One operation later the frame is still not yet another’s: its entry is not there, or a count of 0 turns users away, or the ' +
      'invalidation that surrounds the copy keeps faults from it.',
    'delay store32 handOut',
    'delay guestStore fillPage',
    'delay guestStore copyPage',
  ),
  redundant(
    'A read comes here for an absent page alone, and a page that is there may always be made writable or be unshared again.',
    "drop 'write' handleHostFault",
    "drop '!isHostPteWritable(pte)' handleHostFault",
  ),
  redundant(
    'isLogged() says no of undefined: said for the compiler.',
    "drop 'slot === undefined' markPageDirty",
  ),
  redundant(
    'What is marked while nobody logs is cleared when logging begins.',
    "drop '!isLogged(slot)' markPageDirty",
    "drop '(slot.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0' isLogged",
  ),
  redundant(
    'Two harvests exclude each other, so a client can only be told twice of what it is just taking.',
    'split or32 tellClients',
  ),
  redundant(
    'Remembers the slot that was found last: a search is saved.',
    "unguard 'last !== undefined && holds(last, gfn)' gfnToMemslot",
  ),
  redundant(
    'Saves a grace period where no table was removed.',
    "unguard 'tables.length === 0' freeTables",
  ),
  redundant(
    'Nobody maps the range before its slot is gone; who comes by a frozen entry or an absent one goes away alike.',
    'delay store64 removeTable',
  ),
  redundant(
    'Frozen it will be: a fast path between the load and the store has set a bit that nobody can reach any more. The value ' +
      'found decides on nothing at the lowest level but what listeners are told.',
    'split xchg64 handleRemovedTable',
  ),
  redundant(
    'Stands for what slots_lock makes impossible, and says so if it happens.',
    "unguard '!mem.cmpxchg64(entry.sptep, old.low, old.high, FROZEN_SPTE.low, FROZEN_SPTE.high)' removeTable",
  ),
  redundant(
    'What is mapped is found mapped by the slow path: a fault more for each translation.',
    "unguard 'missing < 0' tlbMiss",
  ),
  redundant(
    'Wakes the waiting writer more often than it can take the lock.',
    "drop '(old & WAITING) !== 0' readUnlock",
    "drop '(old & READERS) === 1' readUnlock",
  ),

  noScenario(
    'Two vCPUs fault on the same page at once, by the shipped slow path: the second finds the leaf or a table of the first, ' +
      'or loses its exchange.',
    "unguard 'isLeaf' mapTargetLevel",
    "unguard 'isAccessAllowed(old.low, write)' mapTargetLevel",
    "unguard '!setSpteAtomic(mem, entry, old, spte)' mapTargetLevel",
    "unguard 'table === 0' reachTable",
  ),
  noScenario(
    'The same with a host that replaced a page and told nobody: a broken invariant, which no litmus breaks.',
    "unguard 'spteToPfn(old.low, old.high) === spteToPfn(spte.low, spte.high)' expectSamePage",
  ),
  noScenario(
    'Two vCPUs are the first to touch the same host page, or one thread gives a frame back while another takes one: ' +
      'those who take are kept apart by the lock of the host page table as well.',
    'skip lock allocPage',
    'delay store32 popFreePage',
    'skip lock putPage',
    'delay store32 pushFreePage',
  ),
  noScenario(
    'The shipped slow path, or a full TLB, meets deleteMemslot(): the fault maps, or the vCPU stores, after the zap.',
    "unguard 'zapTable(mem, vm, { table: validRoot(mem, vm), level: vm.geometry.levels, start, end }, removed)' zapRange",
    "drop 'zapLeafAtomic(mem, vm, entry, old)' zapTable",
    "unguard '(requests & REQUEST_QUIESCE) !== 0' enterGuest",
  ),
  noScenario(
    'A slot is deleted from a page table of two levels or three, beside another slot, while faults walk it; then a slot is ' +
      'made in its place and touched.',
    "unguard '!isShadowPresent(low)' fastPageFault",
    "unguard 'isFrozen(old.low, old.high)' reachTable",
    "unguard 'isFrozen(old.low, old.high)' mapTargetLevel",
    "drop 'gfn >= start' zapTable",
    "drop 'gfn + pages <= end' zapTable",
    "unguard '!isShadowPresent(old.low)' zapTable",
    'skip store64 removeTable',
    "unguard 'isFrozen(old.low, old.high)' handleRemovedTable",
    "drop '!isLastSpte(old.low, level)' handleRemovedTable",
    "unguard '!leadsToTable(low)' walkToLastSptep",
  ),
  noScenario(
    'When this was surveyed no leaf was large, and no table appeared where a fast path had found none.',
    "unguard '!isLastSpte(low, fault.level)' fastPageFault",
    "unguard 'fault.level > 1 && isLogged(fault.slot)' fastPageFault",
    "drop '(low & PT_PAGE_SIZE_MASK) !== 0' isLastSpte",
    "drop 'slot !== undefined' isLogged",
  ),
  noScenario(
    'The fast path of 2012 is checked against one race: the mapping was there, large leaves and other vCPUs were not.',
    "unguard '!isLastSpte(low, fault.level)' fastPageFault2012",
    "unguard 'isWritable(low)' fastPageFault2012",
  ),
  noScenario(
    'Two vCPUs store to one merged page at once, or ksmd protects a page while a vCPU breaks its sharing.',
    'delay store32 breakSharing',
    'skip lock changeHostPtes',
    'delay store32 updateOne',
  ),
  noScenario(
    'Two invalidations: of two frames at once, of a lower frame after a higher one, of pages of two slots, or the second one ' +
      'just when the first lets new memslots through.',
    'skip store32 invalidateBegin #1',
    "unguard 'first || start < mem.load32(at) >>> 0' invalidateBegin",
    "drop 'start < mem.load32(at) >>> 0' invalidateBegin",
    "drop 'end > mem.load32(at + 4) >>> 0' invalidateBegin",
    "drop 'flush' unmapGfnRange",
    'skip lock installMemslots #2',
  ),
  noScenario(
    'Two harvests at once, or a harvest beside a change of its slot, or of a slot that is not logged.',
    'skip lock getDirtyLog',
    "unguard '!isLogged(slot)' protectDirtyPages",
  ),
  noScenario(
    'Two slots, or an access beyond the only one.',
    "drop 'gfn >= slot.baseGfn' holds",
    "drop 'gfn < slot.baseGfn + slot.npages' holds",
    "drop 'holds(last, gfn)' gfnToMemslot",
  ),
  noScenario(
    'Two threads ask a vCPU for different things at once: one flushes, the other waits for a grace period.',
    'split or32 makeRequest',
    'split xchg32 takeRequests',
  ),
  noScenario(
    'A guest that goes on and on with what its TLB holds while somebody waits for it, or whose first access comes from outside.',
    "unguard '--vcpu.countdown < 0' write32",
    "unguard '--vcpu.countdown < 0' read32",
    "unguard '!((mode.word & 3) === 1) || mem.load32(mode.requests) !== 0' poll",
    "drop 'mem.load32(mode.requests) !== 0' poll",
    "drop '!((mode.word & 3) === 1)' poll",
  ),
  noScenario(
    'A vCPU that has waited outside for an invalidation finds the page mapped by another vCPU, and a second invalidation takes ' +
      'it for a vCPU that is outside.',
    "drop '(fault.mode.word & MODE_STATE) !== IN_GUEST_MODE' tlbMiss",
  ),
  noScenario(
    'A guest that reads: what is read-only, through the TLB, until the host moves the page and uses its frame again.',
    "unguard '!tlbMiss(mem, vm, vcpu, gpa, 0)' read32",
    "drop 'write' missingRight",
    "unguard 'tlb[entry] === (gfn | 0)' tlbDrop",
    "drop '!isShadowPresent(spte.low)' owesFlush",
  ),

  noScenario(
    'A page table in a frame that was one before: in a search each frame is handed out once, and zeros are not present either.',
    'skip store64 initTable',
    'delay store64 initTable',
  ),

  noProperty(
    'No page table is lost: of two that faults link at the same entry one would be. Of two leaves either is right, and those ' +
      'who zap are kept apart from faults of the same range.',
    'half cmpxchg64 setSpteAtomic',
  ),
];

export const explanationOf = (id: string): Explanation | undefined =>
  EXPLAINED.find(({ mutants }) => mutants.includes(id));
