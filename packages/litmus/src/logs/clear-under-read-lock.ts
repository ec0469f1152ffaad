// Result: Sometimes; with mmu_lock held for writing: Never.
//
// The log is cleared with mmu_lock held for reading, beside a slow fault that marks its page before it maps it, as KVM's does.
// Source: KVM: make_spte(), kvm_clear_dirty_log_protect(); the law is ours.
import { type Shared, setMode } from '@faultline/atomics';
import {
  clearDirtyLog,
  faultInHostPage,
  hostPtePfn,
  isHostPteWritable,
  isWritable,
  makeSpte,
  markPageDirty,
  OUTSIDE_GUEST_MODE,
  type PageFault,
  putPage,
  READING_SHADOW_PAGE_TABLES,
  RET_PF_FIXED,
  RET_PF_RETRY,
  type RetPf,
  setSpteAtomic,
  type Vm,
} from '@faultline/mmu';
import { guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { contentOf, isMarked, leafIsWritable, leafOf } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { leafEntry } from '../races/write-track.ts';
import { race } from '../setting.ts';
import { gfn0, harvestAll, hvn0, touch } from '../small-vm.ts';

/** How the clear holds mmu_lock. */
type Hold = (mem: Shared) => Shared;

const forReading: Hold = (mem) => {
  mem.writeLock = (lock) => mem.readLock(lock);
  mem.writeUnlock = (lock) => mem.readUnlock(lock);
  return mem;
};
const forWriting: Hold = (mem) => mem;

/** The slow path with KVM's order of its two writes. */
function slowPageFaultMarkFirst(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  setMode(mem, fault.mode, OUTSIDE_GUEST_MODE);
  const pte = faultInHostPage(mem, vm, hvn0, true);
  mem.readLock(vm.at.mmu_lock);
  setMode(mem, fault.mode, READING_SHADOW_PAGE_TABLES);
  const spte = makeSpte(hostPtePfn(pte), isHostPteWritable(pte));
  const old = leafOf(mem, vm, gfn0);
  if (!isWritable(old.low)) markPageDirty(mem, vm, fault.slot, gfn0);
  const mapped = setSpteAtomic(mem, leafEntry(vm, gfn0), old, spte);
  mem.readUnlock(vm.at.mmu_lock);
  putPage(mem, vm, hostPtePfn(pte));
  return mapped ? RET_PF_FIXED : RET_PF_RETRY;
}

export const CLEAR_UNDER_READ_LOCK: readonly Litmus[] = brokenAndRepaired<Hold>({
  name: 'clear-under-read-lock',
  title:
    'The dirty log is cleared beside a slow fault that has marked its page and not mapped it yet',
  violates: 'a page that is not marked was copied as it is',
  source: 'KVM: make_spte() marks first; kvm_clear_dirty_log_protect() holds mmu_lock for writing',
  story:
    'A slow fault marks the page. The clear takes the mark, finds W clear already and changes nothing; its client copies ' +
    'the page. The fault maps it writable, and the guest stores what nobody will send.',
  fix: 'The clear excludes faults that hold mmu_lock for reading. Here slow faults mark after the exchange, and need it not.',
  links: ['https://git.kernel.org/linus/2a31b9db1535'],
  broken: forReading,
  repaired: forWriting,
  make: (name, hold) =>
    race({
      name,
      vm: { manualDirtyLogProtect: 'enable' },
      setup(mem, vm) {
        touch(mem, vm, gfn0);
        clearDirtyLog(mem, vm, 0, { firstPage: 0, numPages: 2, bits: [1] });
        harvestAll(mem, vm);
      },
      vcpus: [guestWriteBy({ slow: slowPageFaultMarkFirst }, gfn0, 1)],
      agents: {
        migration(mem, vm) {
          clearDirtyLog(hold(mem), vm, 0, { firstPage: 0, numPages: 2, bits: [1], client: 0 });
          return contentOf(mem, vm, hvn0);
        },
      },
      finally: {
        'a page that is not marked was copied as it is': (mem, vm, { migration }) =>
          isMarked(mem, vm, hvn0) || contentOf(mem, vm, hvn0) === migration,
      },
      sometimes: {
        'the page is marked and not writable': (mem, vm) =>
          isMarked(mem, vm, hvn0) && !leafIsWritable(mem, vm, gfn0),
        'the page is written and cleared': (mem, vm) =>
          !isMarked(mem, vm, hvn0) && contentOf(mem, vm, hvn0) === 1,
      },
      oops: 'the copy is old, and no log says so',
    }),
});
