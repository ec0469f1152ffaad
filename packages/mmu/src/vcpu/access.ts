// One load or store of a guest: the spine. Everything in this library is reached from here, in this order.
//
//   tlb hit and allowed? -------------------------------------------------> done
//   hardware walks the page table, fills the tlb if it may
//   fault: classify
//     |-- mmio: the gfn is known to have no memory ------------------------> a device is asked
//     |-- fast: cmpxchg W --------------- fixed | spurious ---------------> again
//     '-- slow: seq, host page, mmu_lock, stale? map ---------------------> again
//
// The guest runs without paging of its own so far: gva = gpa.
import { MODE_STATE, type Shared } from '@faultline/atomics';
import {
  accessedGfn,
  type Gfn,
  type Gpa,
  offsetInPage,
  type Pfn,
  pagesPerEntry,
} from '../address.ts';
import {
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
} from '../fault/error-code.ts';
import { pageFault } from '../fault/page-fault.ts';
import {
  RET_PF_EFAULT,
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
} from '../fault/ret-pf.ts';
import { pageBase } from '../host/page-frames.ts';
import type { Vm } from '../memory-map.ts';
import {
  isAccessAllowed,
  isAdEnabled,
  isDirty,
  isLastSpte,
  isMmioSpte,
  isShadowPresent,
  isWritable,
  PT_ACCESSED_MASK,
  PT_DIRTY_MASK,
  spteToPfn,
} from '../spte/spte.ts';
import { walkToLastSptep } from '../spte/walk.ts';
import { IN_GUEST_MODE } from '../vm/vcpu-mode.ts';
import { flushPmlBuffer, isPmlFull, logToPml } from './pml.ts';
import { enterGuest, leaveGuest, poll } from './run.ts';
import { tlbDrop, tlbFill, tlbLookupRead, tlbLookupWrite } from './tlb.ts';
import type { Vcpu } from './vcpu.ts';

const RESERVED = PFERR_PRESENT_MASK | PFERR_RSVD_MASK;

/** Stores an aligned 32-bit word. False: no memory there, and no device that `vcpu.mmio` knows; the store went nowhere. */
export function write32(mem: Shared, vm: Vm, vcpu: Vcpu, gpa: Gpa, value: number): boolean {
  const gfn = accessedGfn(gpa);
  for (;;) {
    if (--vcpu.countdown < 0) poll(mem, vm, vcpu);
    const base = tlbLookupWrite(vcpu.tlb, gfn);
    if (base >= 0) {
      mem.guestStore(base + (offsetInPage(gpa) >> 2), value);
      return true;
    }
    if (!tlbMiss(mem, vm, vcpu, gpa, PFERR_WRITE_MASK)) return emulateWrite(mem, vcpu, gpa, value);
  }
}

/** Loads an aligned 32-bit word; all ones where there is neither memory nor a device, as an empty bus reads. */
export function read32(mem: Shared, vm: Vm, vcpu: Vcpu, gpa: Gpa): number {
  const gfn = accessedGfn(gpa);
  for (;;) {
    if (--vcpu.countdown < 0) poll(mem, vm, vcpu);
    const base = tlbLookupRead(vcpu.tlb, gfn);
    if (base >= 0) return mem.guestLoad(base + (offsetInPage(gpa) >> 2));
    if (!tlbMiss(mem, vm, vcpu, gpa, 0)) return emulateRead(mem, vcpu, gpa);
  }
}

/** Where the page that holds `gpa` lies, for loads: the index of its first word in guest memory; -1: no memory there. */
export function translateRead(mem: Shared, vm: Vm, vcpu: Vcpu, gpa: Gpa): number {
  const gfn = accessedGfn(gpa);
  for (;;) {
    if (--vcpu.countdown < 0) poll(mem, vm, vcpu);
    const base = tlbLookupRead(vcpu.tlb, gfn);
    if (base >= 0) return base;
    if (!tlbMiss(mem, vm, vcpu, gpa, 0)) return -1;
  }
}

/** The same for stores: the page is marked dirty. Either answer is good until the vCPU polls, which each access may do. */
export function translateWrite(mem: Shared, vm: Vm, vcpu: Vcpu, gpa: Gpa): number {
  const gfn = accessedGfn(gpa);
  for (;;) {
    if (--vcpu.countdown < 0) poll(mem, vm, vcpu);
    const base = tlbLookupWrite(vcpu.tlb, gfn);
    if (base >= 0) return base;
    if (!tlbMiss(mem, vm, vcpu, gpa, PFERR_WRITE_MASK)) return -1;
  }
}

/**
 * Fills the TLB or handles the fault, and counts it; false when there is no memory at `gpa`. In one piece: longer than what
 * the command lets V8 inline (docs/decisions.md), it stays out of the guest's loops, where hits need the registers.
 */
function tlbMiss(mem: Shared, vm: Vm, vcpu: Vcpu, gpa: Gpa, access: number): boolean {
  const { fault, stat } = vcpu;
  const gfn = accessedGfn(gpa);
  // Beyond what the page table can index a walk would end at another gfn's leaf.
  const missing = gfn < vm.gfnLimit ? hardwareWalk(mem, vm, vcpu, gfn, access !== 0) : 0;
  if (missing < 0) return true;
  vcpu.observer?.begin();
  flushPmlBuffer(mem, vcpu.pml, fault.memslots); // a fault is an exit
  const ret = faultOrLeave(mem, vm, vcpu, gpa, missing | access | PFERR_USER_MASK);
  stat.pf_taken++;
  if (ret === RET_PF_EMULATE) stat.pf_emulate++;
  else if (fault.fast && ret === RET_PF_FIXED) stat.pf_fast++;
  else if (fault.fast && ret === RET_PF_SPURIOUS) stat.pf_spurious++;
  else if (fault.fast) stat.pf_fast_retry++;
  else if (ret === RET_PF_RETRY) stat.pf_retry++;
  else if (ret === RET_PF_EFAULT) stat.pf_efault++;
  else stat.pf_slow++;
  // A ring may have become full: in KVM each fault is an exit, and this vCPU's own request is served before it runs on.
  const asked = vm.dirtyRing !== 0 && mem.load32(fault.mode.requests) !== 0;
  if (asked || (fault.mode.word & MODE_STATE) !== IN_GUEST_MODE) enterGuest(mem, vm, vcpu);
  vcpu.observer?.end();
  return ret !== RET_PF_EMULATE;
}

/** Whatever it throws, of the VMM or for want of a frame, ends the access outside the guest. */
function faultOrLeave(mem: Shared, vm: Vm, vcpu: Vcpu, gpa: Gpa, errorCode: number): RetPf {
  try {
    const ret = pageFault(mem, vm, vcpu.fault, gpa, errorCode);
    if (ret === RET_PF_EFAULT) exitToVmm(vcpu, gpa);
    return ret;
  } catch (error) {
    leaveGuest(mem, vcpu);
    throw error;
  }
}

/** The slow path is outside the guest when it answers so. */
function exitToVmm(vcpu: Vcpu, gpa: Gpa): void {
  const { id, memoryFault } = vcpu;
  vcpu.countdown = 0; // should the handler touch guest memory, it enters the guest first
  if (memoryFault === undefined) {
    throw new Error(
      `vCPU ${id}: expected memory that the VMM may write, got a store to gpa 0x${gpa.toString(16)} of a protected ` +
        'page; usual cause: pages protected with no memoryFault handler on the vCPU',
    );
  }
  memoryFault(gpa);
}

function emulateWrite(mem: Shared, vcpu: Vcpu, gpa: Gpa, value: number): boolean {
  if (vcpu.mmio === undefined) return false;
  leaveGuest(mem, vcpu); // a device may take its time; the next access enters the guest again
  return vcpu.mmio.write32(gpa, value);
}

function emulateRead(mem: Shared, vcpu: Vcpu, gpa: Gpa): number {
  if (vcpu.mmio === undefined) return -1;
  leaveGuest(mem, vcpu);
  return vcpu.mmio.read32(gpa) | 0;
}

/** -1 with the TLB filled, or to be tried again; else what hardware reports beside the access: nothing, P, or P and RSVD. */
function hardwareWalk(mem: Shared, vm: Vm, vcpu: Vcpu, gfn: Gfn, write: boolean): number {
  const { fault } = vcpu;
  // Hardware leaves the guest before it would have to set a D that it has no room to log.
  if (isPmlFull(vcpu.pml)) flushPmlBuffer(mem, vcpu.pml, fault.memslots);
  fault.gfn = gfn;
  mem.enterRead();
  const sptep = walkToLastSptep(mem, vm, fault);
  const low = mem.load64(sptep);
  const high = mem.high;
  const missing = missingRight(low, high, fault.level, write);
  const unset = missing < 0 ? unsetBits(low, high, write) : 0;
  // Exchanged, not ORed: into an entry that was zapped since, an OR would set stray bits. Litmus: hardware-ors-a-zapped-spte.
  const same = unset === 0 || mem.cmpxchg64(sptep, low, high, low | unset, high) !== 0;
  mem.exitRead();
  if (missing === PFERR_PRESENT_MASK) tlbDrop(vcpu.tlb, gfn);
  if (missing >= 0) return missing;
  if (!same) return -1; // no longer what was walked: the access walks anew
  if (unset !== 0) countAssist(vm, vcpu, gfn, unset);
  // A and D before the TLB has it, as a CPU does; stores only through what is dirty, so that the first one sets D.
  const writable = isWritable(low) && isDirty(low | unset, high);
  // Of a large leaf the one small page: entries of the TLB are all of a size.
  const pfn =
    spteToPfn(low, high) + (gfn & (pagesPerEntry(fault.level, vm.geometry.indexBits) - 1));
  tlbFill(vcpu.tlb, gfn, writable, pageBase(vm, pfn as Pfn));
  vcpu.stat.tlb_fill++;
  return -1;
}

/** -1 where the access is allowed. */
function missingRight(low: number, high: number, level: number, write: boolean): number {
  if (!isShadowPresent(low)) return isMmioSpte(low, high) ? RESERVED : 0;
  if (!isLastSpte(low, level) || !isAccessAllowed(low, false)) return 0;
  return write && !isWritable(low) ? PFERR_PRESENT_MASK : -1;
}

/** Which of A and D the access has to set first. */
function unsetBits(low: number, high: number, write: boolean): number {
  if (!isAdEnabled(high)) return 0;
  return (write ? PT_ACCESSED_MASK | PT_DIRTY_MASK : PT_ACCESSED_MASK) & ~low;
}

function countAssist(vm: Vm, { stat, pml }: Vcpu, gfn: Gfn, set: number): void {
  if ((set & PT_ACCESSED_MASK) !== 0) stat.hw_accessed++;
  if ((set & PT_DIRTY_MASK) === 0) return;
  stat.hw_dirty++;
  if (vm.pml) logToPml(pml, vm, gfn);
}
