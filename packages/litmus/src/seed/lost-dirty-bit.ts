// Result: Never
//
// A notifier zaps an spte while the fast path sets W in it, and the processor sets Dirty.
// Source: Documentation/virt/kvm/locking.rst, exception 2.
import type { Shared } from '@faultline/atomics';
import type { Body, Program } from '@faultline/checker';
import {
  isMmuWritable,
  isWritable,
  makeSpte,
  type Pfn,
  PT_DIRTY_MASK,
  PT_WRITABLE_MASK,
  SHADOW_NONPRESENT,
  type Spte,
} from '@faultline/mmu';
import { formatLeaf } from '../formats.ts';
import type { Litmus } from '../litmus.ts';

export const SPTE = 0x1000;
/** The host's own note that the frame was written: without it, the frame is dropped and not swapped out. */
const PAGE_DIRTY = 0x1040;
const LOCK = 0x1080;
const PAGE = 0;

const { low, high } = makeSpte(1 as Pfn, true);
/** Write-protected and clean; accessed, so that 2012's code took it for one that nobody changes. */
const CLEAN = { low: low & ~(PT_WRITABLE_MASK | PT_DIRTY_MASK), high };
const isDirty = (spte: number): boolean => (spte & PT_DIRTY_MASK) !== 0;

/** The fast path, then the processor: it walks, sets Dirty in the spte that it used, and stores. */
function vcpu(mem: Shared): void {
  const old = mem.load64(SPTE);
  const oldHigh = mem.high;
  if (!isMmuWritable(old)) return;
  if (!mem.cmpxchg64(SPTE, old, oldHigh, old | PT_WRITABLE_MASK, oldHigh)) return;
  const walked = mem.load64(SPTE);
  const walkedHigh = mem.high;
  if (!isWritable(walked)) return;
  if (!mem.cmpxchg64(SPTE, walked, walkedHigh, walked | PT_DIRTY_MASK, walkedHigh)) return;
  mem.guestStore(PAGE, 1);
}

/** Replaces the spte, of which `seen` was read under mmu_lock; answers the value that it takes for the old one. */
export type Zap = (mem: Shared, seen: Spte) => Spte;

function zapAs(zap: Zap): Body {
  return function zapLeaf(mem) {
    mem.lock(LOCK);
    const seen = { low: mem.load64(SPTE), high: mem.high };
    const old = zap(mem, seen);
    if (isDirty(old.low)) mem.store32(PAGE_DIRTY, 1);
    mem.unlock(LOCK);
  };
}

export const zapAgainstHardware = (name: string, zap: Zap): Program => ({
  name,
  threads: { vcpu0: vcpu, notifier: zapAs(zap) },
  setup: (mem) => mem.store64(SPTE, CLEAN.low, CLEAN.high),
  finally: {
    'the host knows that a page was written': (mem) =>
      mem.guestLoad(PAGE) === 0 || isDirty(mem.load64(SPTE)) || mem.load32(PAGE_DIRTY) === 1,
  },
  words: [
    {
      name: 'spte',
      address: SPTE,
      bytes: 8,
      format: (spte, upper) => `${formatLeaf(spte, upper)}${isDirty(spte) ? ' D' : ''}`,
    },
    { name: 'page dirty', address: PAGE_DIRTY },
    { name: 'mmu_lock', address: LOCK },
    { name: 'page', address: PAGE, object: 'ram' },
  ],
  oops: 'the host drops the page as clean, and what the guest stored is gone',
});

/** As writeSpte() does with what the fast path may change. Its sptes are made dirty, so that it need not ask about D. */
const zapAtomically: Zap = (mem) => {
  const found = mem.xchg64(SPTE, SHADOW_NONPRESENT.low, SHADOW_NONPRESENT.high);
  return { low: found, high: mem.high };
};

export const lostDirtyBit: Litmus = {
  name: 'lost-dirty-bit',
  title: 'A notifier zaps an spte in which the fast path sets W and the processor sets Dirty.',
  result: 'Never',
  source: 'Documentation/virt/kvm/locking.rst, exception 2',
  story:
    'Under mmu_lock the notifier finds the spte read-only and clean. Before it replaces it, the fast path sets W, and the ' +
    'processor stores and sets Dirty, both without the lock.',
  fix: 'What may change outside mmu_lock is exchanged, and the value returned decides: spte_has_volatile_bits().',
  links: ['https://docs.kernel.org/virt/kvm/locking.html'],
  program: () => ({
    ...zapAgainstHardware('lost-dirty-bit', zapAtomically),
    sometimes: {
      'the processor sets Dirty': (mem) => isDirty(mem.load64(SPTE)),
      'the exchange finds Dirty': (mem) => mem.load32(PAGE_DIRTY) === 1,
    },
  }),
};
