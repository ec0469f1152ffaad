// Result: Sometimes; with the count set back only if it is still what was read: Never.
//
// Flushes are put off and counted; whoever flushes sets the count to 0, and forgets the one that was added meanwhile.
// Source: KVM commit a086f6a1ebc9 (2014), a revert of 5befdc385ddb.
import {
  MODE_STATE,
  makeRequest,
  modeAddress,
  modeOf,
  type Shared,
  seamMap,
  setMode,
  takeRequests,
  waitUntilSeen,
} from '@faultline/atomics';
import { IN_GUEST_MODE, KVM_REQ_TLB_FLUSH, OUTSIDE_GUEST_MODE } from '@faultline/mmu';
import type { Litmus } from '../litmus.ts';
import { brokenAndRepaired } from './pair.ts';

const VCPU = 0;
const PAGE = 0;
const { wordsAt } = seamMap({ threads: 4, words: 128, frames: 0, frameBytes: 64, ram: 1 });
const MMU_LOCK = wordsAt;
/** 1 while the page is mapped. */
const MAPPED = wordsAt + 4;
/** How many changes of the page table have not been flushed. KVM: kvm->tlbs_dirty. */
const TLBS_DIRTY = wordsAt + 8;

/** After the flush of what was counted: takes `seen` off the count. */
type SetBack = (mem: Shared, seen: number) => void;

function flush(mem: Shared): void {
  makeRequest(mem, VCPU, KVM_REQ_TLB_FLUSH);
  waitUntilSeen(mem, VCPU);
}

/** Stores twice, through the translation of the first store. */
function vcpu(mem: Shared): void {
  const mode = modeOf(VCPU);
  while (setMode(mem, mode, IN_GUEST_MODE) !== 0) takeRequests(mem, mode);
  if (mem.load32(MAPPED) === 1) {
    mem.guestStore(PAGE, 1);
    mem.guestStore(PAGE, 2);
  }
  setMode(mem, mode, OUTSIDE_GUEST_MODE);
}

/** KVM: FNAME(sync_page), which drops an spte and leaves the flush to others. */
function unmapper(mem: Shared): void {
  mem.lock(MMU_LOCK);
  mem.store32(MAPPED, 0);
  mem.add32(TLBS_DIRTY, 1);
  mem.unlock(MMU_LOCK);
}

/** KVM: kvm_flush_remote_tlbs(), without mmu_lock. */
const flusher = (setBack: SetBack) => (mem: Shared) => {
  const seen = mem.load32(TLBS_DIRTY);
  flush(mem);
  setBack(mem, seen);
};

/** A notifier: flushes if it unmaps the page, or if a flush is owed. What it found in the page, if that was unmapped. */
function host(mem: Shared): number | undefined {
  mem.lock(MMU_LOCK);
  const unmapped = mem.load32(MAPPED) === 0;
  if (unmapped && mem.load32(TLBS_DIRTY) !== 0) flush(mem);
  mem.unlock(MMU_LOCK);
  return unmapped ? mem.guestLoad(PAGE) : undefined;
}

export const FORGETS_AN_OWED_FLUSH: readonly Litmus[] = brokenAndRepaired<SetBack>({
  name: 'b28-forgets-an-owed-flush',
  title: 'A flush is added to those owed while the others are being paid',
  violates: 'the page is as the host found it',
  source: 'KVM commit a086f6a1ebc9 (2014), a revert of 5befdc385ddb',
  story:
    'An spte was dropped and its flush put off: tlbs_dirty counts. Somebody else flushes, and sets the count to 0 ' +
    'outside mmu_lock. What was dropped after his flush and before that store is counted no more; the notifier finds ' +
    'nothing mapped and nothing owed, and lets the host have a page that a TLB still leads to.',
  fix: 'Exchange the count for 0 only if it is still what was read before the flush.',
  links: ['https://git.kernel.org/linus/a086f6a1ebc9'],
  broken: (mem) => mem.store32(TLBS_DIRTY, 0),
  repaired: (mem, seen) => void mem.cmpxchg32(TLBS_DIRTY, seen, 0),
  make: (name, setBack) => ({
    name,
    setup: (mem) => mem.store32(MAPPED, 1),
    threads: { vcpu, unmapper, flusher: flusher(setBack), host },
    finally: {
      'the page is as the host found it': (mem, results) =>
        results.host === undefined || mem.guestLoad(PAGE) === results.host,
    },
    sometimes: {
      'a flush is owed while the vCPU is in the guest': (mem) =>
        mem.load32(TLBS_DIRTY) === 1 &&
        (mem.load32(modeAddress(VCPU)) & MODE_STATE) === IN_GUEST_MODE,
    },
    words: [
      { name: 'mmu_lock', address: MMU_LOCK },
      { name: 'mapped', address: MAPPED },
      { name: 'tlbs_dirty', address: TLBS_DIRTY },
      { name: 'vcpu mode', address: modeAddress(VCPU) },
      { name: 'page', address: PAGE, object: 'ram' },
    ],
    oops: 'the page belongs to the host, and a guest stores to it through an old TLB entry',
  }),
});
