// A gfn without memory. The first fault there goes the slow way, finds no slot and leaves an MMIO spte; hardware says of the
// next one that it met a reserved bit, and that fault is answered here: no lock, no slot search, nothing written that others
// see. KVM: handle_mmio_page_fault(), and x86.h's vcpu_cache_mmio_info() and vcpu_match_mmio_gpa().
//
// Relies on whoever replaces the memslots: the generation moves on only after every vCPU that was deciding by the old ones
// has been seen to be done with it. Hence a decision may be made first and its generation asked for afterwards.
import type { Shared } from '@faultline/atomics';
import type { Gfn, Gpa } from '../address.ts';
import type { MmuEvent, Spte } from '../event.ts';
import type { Vm } from '../memory-map.ts';
import { mmioSpteAccess, mmioSpteGeneration, mmioSpteGfn } from '../spte/mmio-spte.ts';
import { isMmioSpte } from '../spte/spte.ts';
import { walkToLastSptep } from '../spte/walk.ts';
import { walkShadowPageLocklessBegin, walkShadowPageLocklessEnd } from '../vm/lockless-walk.ts';
import { isUpdateInProgress, mmioGeneration } from '../vm/memslots.ts';
import type { PageFault } from './fault.ts';
import { RET_PF_EMULATE, RET_PF_INVALID, RET_PF_RETRY, type RetPf } from './ret-pf.ts';

/**
 * For a fault with RSVD set. INVALID: the spte is of an old generation, and a full fault has to look again. In one piece with
 * KVM's check_mmio_spte(): longer than what the command lets V8 inline, it stays out of the fast path (docs/decisions.md).
 */
export function handleMmioPageFault(mem: Shared, vm: Vm, fault: PageFault): RetPf {
  // Once, and first: what is found after it is judged by it. KVM reads it for the cache, for the check, and to cache anew.
  const generation = mem.load32(vm.at.memslots);
  if (isInMmioCache(fault, generation)) {
    fault.stat.mmio_cached++;
    return RET_PF_EMULATE;
  }
  if (!walkShadowPageLocklessBegin(mem, vm, fault)) return RET_PF_RETRY;
  const low = mem.load64(walkToLastSptep(mem, vm, fault));
  const spte = { low, high: mem.high };
  walkShadowPageLocklessEnd(mem, vm, fault);
  // Zapped meanwhile, or memory is mapped there: hardware finds out which.
  if (!isMmioSpte(spte.low, spte.high)) return RET_PF_RETRY;
  const kvm_gen = mmioGeneration(generation);
  const spte_gen = mmioSpteGeneration(spte.low, spte.high);
  const valid = kvm_gen === spte_gen && !isUpdateInProgress(generation);
  if (mem.emit !== undefined && !isUpdateInProgress(generation)) {
    mem.emit({ event: 'check_mmio_spte', spte, kvm_gen, spte_gen, valid } satisfies MmuEvent);
  }
  if (!valid) {
    fault.stat.mmio_stale++;
    return RET_PF_INVALID;
  }
  if (mem.emit !== undefined) traceMmioPageFault(mem, spte);
  cacheMmioInfo(fault, mmioSpteGfn(spte.low, spte.high), generation);
  fault.stat.mmio_fast++;
  return RET_PF_EMULATE;
}

/** KVM: vcpu_match_mmio_gpa(), where gfn 0 stands for none. */
const isInMmioCache = ({ mmio, gfn }: PageFault, generation: number): boolean =>
  mmio.generation === generation && mmio.gfn === gfn;

/**
 * `generation` is the word `memslots`, read before the decision that it is kept with, or after it without leaving the guest.
 * KVM: vcpu_cache_mmio_info().
 */
export function cacheMmioInfo({ mmio }: PageFault, gfn: Gfn, generation: number): void {
  if (isUpdateInProgress(generation)) return;
  mmio.gfn = gfn;
  mmio.generation = generation;
}

function traceMmioPageFault(mem: Shared, { low, high }: Spte): void {
  mem.emit?.({
    event: 'handle_mmio_page_fault',
    addr: 0 as Gpa,
    gfn: mmioSpteGfn(low, high),
    access: mmioSpteAccess(low),
  } satisfies MmuEvent);
}
