// Result: Sometimes; as it ships: Never.
//
// An entry of a dirty ring on its way from the vCPU that writes it to the harvest, and back.
// Source: KVM: virt/kvm/dirty_ring.c, kvm_dirty_ring_push(), kvm_dirty_ring_reset().
import type { Shared } from '@faultline/atomics';
import {
  dirtyGfnAt,
  dirtyIndex,
  fastPageFault,
  gfnToHvn,
  harvestRings,
  isMmuWritable,
  isShadowPresent,
  isWritable,
  KVM_DIRTY_GFN_F_DIRTY,
  type Memslot,
  type PageFault,
  PT_WRITABLE_MASK,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_SPURIOUS,
  type RetPf,
  resetDirtyRings,
  type Vm,
} from '@faultline/mmu';
import { fastPageFaultMarkFirst } from '../historical/fast-path-mark-first.ts';
import { type FaultHandler, guestWriteBy } from '../historical/guest-store.ts';
import type { Litmus } from '../litmus.ts';
import { type Copy, contentOf, leafIsWritable } from '../properties.ts';
import { brokenAndRepaired } from '../races/pair.ts';
import { race } from '../setting.ts';
import { gfn0, gfn1, guestWrite, harvestAll, hvn0, hvn1, touch } from '../small-vm.ts';
import { copyTold, forgetMarks, isInRing, noteInRing, readerHasAll, ringRound } from './ring.ts';

const RING = { dirtyRing: 4 };
const LOST = 'a page that is in no log was sent as it is';
const source = 'KVM: virt/kvm/dirty_ring.c';
const links = ['https://docs.kernel.org/virt/kvm/api.html'];

/** The fast path, which notes its page with the flag before the rest. */
const fastPageFaultFlagFirst: FaultHandler = (mem: Shared, vm: Vm, fault: PageFault): RetPf => {
  const low = mem.load64(fault.sptep);
  const high = mem.high;
  if (!isShadowPresent(low)) return RET_PF_INVALID;
  if (isWritable(low)) return RET_PF_SPURIOUS;
  if (!isMmuWritable(low)) return RET_PF_INVALID;
  if (!mem.cmpxchg64(fault.sptep, low, high, low | PT_WRITABLE_MASK, high)) return RET_PF_INVALID;
  const dirty = mem.load32(dirtyIndex(vm, fault.vcpu_id));
  const entry = dirtyGfnAt(vm, fault.vcpu_id, dirty);
  mem.store32(entry, KVM_DIRTY_GFN_F_DIRTY);
  const slot = fault.slot as Memslot;
  mem.store32(entry + 4, slot.id);
  mem.store32(entry + 8, fault.gfn - slot.baseGfn);
  mem.store32(dirtyIndex(vm, fault.vcpu_id), dirty + 1);
  return RET_PF_FIXED;
};

/** One vCPU writes gfn 1, protected and in no log, while the rings are read. */
const writeAgainstRound = (name: string, fast: FaultHandler) =>
  race({
    name,
    vm: RING,
    setup(mem, vm) {
      touch(mem, vm, gfn1);
      harvestAll(mem, vm);
    },
    vcpus: [guestWriteBy({ fast }, gfn1, 1)],
    agents: { reader: ringRound },
    finally: { [LOST]: readerHasAll },
    sometimes: {
      'the page is writable and in no ring': (mem, vm) =>
        leafIsWritable(mem, vm, gfn1) && !isInRing(mem, vm, hvn1),
      'the page is written and in its ring': (mem, vm) =>
        isInRing(mem, vm, hvn1) && contentOf(mem, vm, hvn1) === 1,
    },
    oops: 'the vCPUs are stopped, the rings are empty, and the copy is not what the guest wrote',
  });

/** After its harvest of gfn 0: reads the page now or later, and resets. */
type Reader = (mem: Shared, vm: Vm) => Copy;

const copiesAtHarvest: Reader = (mem, vm) => {
  const copy: Record<number, number> = {};
  harvestRings(mem, vm, (_, offset) => {
    copy[offset] = contentOf(
      mem,
      vm,
      gfnToHvn({ baseGfn: gfn0, hvn: hvn0 } as Memslot, offset as never),
    );
  });
  resetDirtyRings(mem, vm);
  copyTold(mem, vm); // it has them
  return copy;
};

export const RING_ENTRY: readonly Litmus[] = [
  ...brokenAndRepaired<FaultHandler>({
    name: 'ring-flag-before-gfn',
    title: 'A vCPU raises the flag of its entry before it has written what the entry says',
    violates: LOST,
    source,
    story:
      'The harvest finds the flag and reads the slot and the offset of a lap ago: that page is protected once more. The page ' +
      'that the vCPU wrote is neither protected nor sent, and nothing will ever fault on it again.',
    fix: 'The flag last; whoever sees it sees the rest.',
    links,
    broken: fastPageFaultFlagFirst,
    repaired: fastPageFault,
    make: writeAgainstRound,
  }),
  ...brokenAndRepaired<FaultHandler>({
    name: 'ring-push-before-cmpxchg',
    title: 'The fast path notes its page in the ring before its cmpxchg, and a reset comes between',
    violates: LOST,
    source: "the order of the reviewer's sketch, April 2012, with a ring",
    story:
      'The reader harvests the entry and resets it: W is clear already, and the spte stays as it is. The cmpxchg finds the ' +
      'word that it expects, and the guest writes a page that is in no ring.',
    fix: 'cmpxchg first, then the push.',
    links: ['https://lkml.org/lkml/2012/3/29/106'],
    broken: fastPageFaultMarkFirst,
    repaired: fastPageFault,
    make: writeAgainstRound,
  }),
  ...brokenAndRepaired<Reader>({
    name: 'ring-copies-before-reset',
    title: 'A page is copied as soon as it was harvested from a ring, before the reset protects it',
    violates: LOST,
    source:
      'Documentation/virt/kvm/api.rst, KVM_CAP_DIRTY_LOG_RING: the reset comes before the content is read',
    story:
      'The harvest names a page that is still writable. It is copied; the guest stores, with no fault and no entry; the reset ' +
      'protects the page. The store is in no copy and in no ring.',
    fix: 'Read the page after the reset: then its flush is over, and a later store faults and is pushed.',
    links,
    broken: copiesAtHarvest,
    repaired: ringRound,
    make: (name, reader) =>
      race({
        name,
        vm: RING,
        setup(mem, vm) {
          touch(mem, vm, gfn0);
          forgetMarks(mem, vm);
          noteInRing(mem, vm, 0);
        },
        vcpus: [guestWrite(gfn0, 1)],
        agents: { reader },
        finally: { [LOST]: readerHasAll },
        sometimes: {
          'the page is written and in no ring': (mem, vm) =>
            contentOf(mem, vm, hvn0) === 1 && !isInRing(mem, vm, hvn0),
          'the page is pushed again': (mem, vm) => mem.load32(dirtyIndex(vm, 0)) === 2,
        },
        oops: 'the copy is old, and no ring says so',
      }),
  }),
];
