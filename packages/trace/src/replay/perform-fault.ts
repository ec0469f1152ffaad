// A fault of the trace, through the MMU's own fault paths: the lock-free one where the trace has its fast_page_fault, the rest
// where its leaf changes. What the host answered is put in the host's page table before.
import { modeOf } from '@faultline/atomics';
import {
  enterGuest,
  fastPageFault,
  formatSpte,
  type Gpa,
  gfnToHvn,
  gfnToMemslot,
  gpaToGfn,
  handleMmioPageFault,
  isHostWritable,
  isReadonly,
  KVM_MEMSLOT_INVALID,
  KVM_REQ_DIRTY_RING_SOFT_FULL,
  leaveGuest,
  type PageFault,
  PFERR_RSVD_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  PT_WRITABLE_MASK,
  pageFaultCanBeFast,
  RET_PF_EFAULT,
  RET_PF_EMULATE,
  RET_PF_FIXED,
  RET_PF_INVALID,
  RET_PF_RETRY,
  RET_PF_SPURIOUS,
  type RetPf,
  type Spte,
  slowPageFault,
  spteToPfn,
  validRoot,
} from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';
import type { FaultAct } from './act.ts';
import type { Conductor } from './conductor.ts';
import type { OpenInvalidations } from './open-invalidations.ts';
import { isPrefetched, type Rule } from './rules.ts';
import { isSame } from './spte-words.ts';
import { tellingOf, whereOf } from './telling.ts';
import type { Compared } from './verdicts.ts';

/** The MMU threw. */
const BROKEN = 0;

const NAMES: Readonly<Record<number, string>> = {
  [BROKEN]: 'a broken invariant',
  [RET_PF_RETRY]: 'retry',
  [RET_PF_EMULATE]: 'emulate',
  [RET_PF_INVALID]: 'invalid',
  [RET_PF_FIXED]: 'fixed',
  [RET_PF_SPURIOUS]: 'spurious',
};
const nameOf = (ret: number): string => NAMES[ret] ?? `error ${ret}`;
/** Tables for MMIO sptes: KVM knows no limit. */
const NO_LIMIT = 2 ** 30;

type FastTold = Extract<TraceBody, { event: 'fast_page_fault' }>;

export class FaultPerformer {
  readonly #conductor: Conductor;
  readonly #invalidations: OpenInvalidations;

  constructor(conductor: Conductor, invalidations: OpenInvalidations) {
    this.#conductor = conductor;
    this.#invalidations = invalidations;
  }

  /** `index`: the event whose turn it is; of an undecided fault, where it ended. */
  perform(act: FaultAct, index: number): void {
    if (index === act.fast && this.#conductor.isOpen(index)) this.#fast(act, index);
    else if (index === act.at && act.state === 'waiting') this.#slow(act, index);
  }

  /** Its requests are served, and no fault has come yet. */
  enter(id: number): void {
    this.#enterGuest(id);
    const { mem, vcpu } = this.#vcpu(id);
    leaveGuest(mem, vcpu);
  }

  #vcpu(id: number) {
    const vcpu = this.#conductor.replayed.vcpus[id];
    if (vcpu === undefined) throw new RangeError(`expected a vCPU, got ${id}`);
    return vcpu;
  }

  #vcpuOf({ fault }: FaultAct) {
    return this.#vcpu(fault.vcpu_id);
  }

  #enterGuest(id: number): void {
    const { mem, vcpu } = this.#vcpu(id);
    mem.and32(modeOf(vcpu.id).requests, ~KVM_REQ_DIRTY_RING_SOFT_FULL);
    enterGuest(mem, this.#conductor.replayed.vm, vcpu);
  }

  /** The vCPU in the guest, its requests served, with the fault that hardware reports. */
  #ready(act: FaultAct): PageFault {
    const { vm } = this.#conductor.replayed;
    const { mem, vcpu } = this.#vcpuOf(act);
    this.#enterGuest(vcpu.id);
    const { fault } = vcpu;
    fault.root = validRoot(mem, vm); // by the role of what runs
    fault.addr = act.fault.fault_address;
    fault.gfn = gpaToGfn(act.fault.fault_address as Gpa);
    fault.error_code = act.fault.error_code | 0;
    fault.fast = false;
    fault.mmio.tablesLeft = NO_LIMIT;
    fault.slot = gfnToMemslot(mem, vm, fault.memslots, fault.gfn);
    return fault;
  }

  #fast(act: FaultAct, index: number): void {
    const conductor = this.#conductor;
    const { replayed } = conductor;
    conductor.close(index);
    const told = conductor.event(index).body as FastTold;
    const gfn = gpaToGfn(act.fault.fault_address as Gpa);
    conductor.settle({ gfn, level: 1 }, told.old_spte, index);
    const { mem } = this.#vcpuOf(act);
    const fault = this.#ready(act);
    const ret = conductor.during(
      act,
      act.decisions.filter((at) => this.#isPush(at)),
      { steered: false },
      () =>
        pageFaultCanBeFast(fault.error_code) ? fastPageFault(mem, replayed.vm, fault) : undefined,
    );
    leaveGuest(mem, this.#vcpuOf(act).vcpu);
    const found = { low: fault.old_low, high: fault.old_high };
    this.#judgeFast(act, index, ret, { gfn, level: fault.level, spte: found });
    if (told.fixed) conductor.noteWritten(gfn);
    if (told.fixed || told.spurious) {
      act.state = 'done';
      conductor.verdicts.agree('fault result');
    }
  }

  #judgeFast(
    act: FaultAct,
    index: number,
    ret: RetPf | undefined,
    found: { gfn: number; level: number; spte: Spte },
  ): void {
    const conductor = this.#conductor;
    const { words, tables } = conductor.replayed;
    const told = conductor.event(index).body as FastTold;
    const want = told.fixed ? RET_PF_FIXED : told.spurious ? RET_PF_SPURIOUS : RET_PF_INVALID;
    const old = words.toOurs(told.old_spte, found.level);
    if (ret === want && isSame(old, found.spte)) {
      conductor.verdicts.agree('fast_page_fault');
      return;
    }
    conductor.differ('fast_page_fault', index, {
      expected: `${nameOf(want)}, found ${formatSpte(old)}`,
      got: ret === undefined ? 'not tried' : `${nameOf(ret)}, found ${formatSpte(found.spte)}`,
      where: `vCPU ${act.fault.vcpu_id}, gfn ${found.gfn.toString(16)} level ${found.level}`,
    });
    const now = told.fixed ? { low: old.low | PT_WRITABLE_MASK, high: old.high } : old;
    tables.put({ gfn: found.gfn, level: found.level }, now);
  }

  #slow(act: FaultAct, index: number): void {
    act.state = 'running';
    const conductor = this.#conductor;
    const wanted = this.#wanted(act);
    if (wanted === undefined) this.#undecided(act, index);
    else if (wanted.ret === RET_PF_RETRY) this.#lost(act, index);
    else {
      this.#prepare(act, wanted, index);
      const ret = this.#run(act);
      const kept = ret === RET_PF_SPURIOUS && conductor.kept.delete(act);
      if (ret === wanted.ret) conductor.verdicts.agree('fault result');
      else
        this.#differ(act, index, nameOf(wanted.ret), nameOf(ret), kept ? 'kept-leaf' : undefined);
    }
    act.state = 'done';
  }

  #run(act: FaultAct): RetPf | typeof BROKEN {
    const { vm } = this.#conductor.replayed;
    const { mem } = this.#vcpuOf(act);
    const fault = this.#ready(act);
    const isReserved = (fault.error_code & PFERR_RSVD_MASK) !== 0;
    const indexes = act.decisions.filter((at) => at !== act.fast && !this.#isPrefetch(act, at));
    const ret = this.#conductor.during(act, indexes, { steered: false }, () => {
      const answered = isReserved ? handleMmioPageFault(mem, vm, fault) : RET_PF_INVALID;
      if (answered !== RET_PF_INVALID) return answered;
      try {
        return slowPageFault(mem, vm, fault);
      } catch {
        return BROKEN; // an invariant that the page tables of the trace do not keep
      }
    });
    leaveGuest(mem, this.#vcpuOf(act).vcpu);
    for (const at of act.decisions) if (this.#isPrefetch(act, at)) this.#prefetch(act, at);
    return ret;
  }

  /** KVM's legacy MMU maps neighbours of a page in advance. */
  #isPrefetch(act: FaultAct, index: number): boolean {
    const { body } = this.#conductor.event(index);
    if (this.#tellsChanges || body.event !== 'kvm_mmu_set_spte' || body.level > 1) return false;
    return isPrefetched(body, gpaToGfn(act.fault.fault_address as Gpa));
  }

  /** This MMU does not: the page is mapped by a read fault of its own, and A taken away. */
  #prefetch(act: FaultAct, index: number): void {
    const conductor = this.#conductor;
    const { replayed } = conductor;
    const { body } = conductor.event(index);
    if (body.event !== 'kvm_mmu_set_spte' || !conductor.isOpen(index)) return;
    conductor.close(index);
    const said = { expected: tellingOf(body), got: 'not in advance', where: whereOf(body) };
    conductor.differ('kvm_mmu_set_spte', index, said, 'prefetched');
    const slot = replayed.slotOf(body.gfn);
    if (slot === undefined) return;
    const spte = replayed.words.toOurs(body.spte, 1);
    const pfn = spteToPfn(spte.low, spte.high);
    replayed.answer(slot, body.gfn, { pfn, writable: isHostWritable(spte.low), huge: false });
    const { mem, vcpu } = this.#vcpuOf(act);
    const fault = this.#ready(act);
    Object.assign(fault, { gfn: body.gfn, error_code: PFERR_USER_MASK, slot });
    conductor.unheard(() => slowPageFault(mem, replayed.vm, fault));
    leaveGuest(mem, vcpu);
    replayed.tables.put({ gfn: body.gfn, level: 1 }, spte);
  }

  #differ(act: FaultAct, index: number, expected: string, got: string, rule?: Rule): void {
    const gfn = gpaToGfn(act.fault.fault_address as Gpa).toString(16);
    const where = `vCPU ${act.fault.vcpu_id}, gfn ${gfn}, error code 0x${act.fault.error_code.toString(16)}`;
    this.#conductor.differ('fault result', index, { expected, got, where }, rule);
  }

  /** It was about to map, and somebody else changed an entry on its way. */
  #lost(act: FaultAct, index: number): void {
    const { tables } = this.#conductor.replayed;
    for (const at of act.decisions) {
      const { body } = this.#conductor.event(at);
      if (!this.#conductor.isOpen(at) || this.#isPush(at)) continue;
      this.#conductor.close(at);
      const said = { expected: tellingOf(body), got: 'not tried', where: whereOf(body) };
      this.#conductor.differ(body.event as Compared, at, said, 'lost-exchange');
      if (body.event === 'kvm_tdp_mmu_spte_changed') {
        tables.reach({ gfn: body.gfn, level: body.level - 1 });
      }
    }
    const where = `vCPU ${act.fault.vcpu_id}`;
    const said = { expected: 'retry', got: 'not tried', where };
    this.#conductor.differ('fault result', index, said, 'lost-exchange');
  }

  /** What the slow path is told to have done; undefined when nothing is. */
  #wanted(act: FaultAct): Wanted | undefined {
    let wanted: Wanted | undefined;
    const set = (more: Partial<Wanted>): void => {
      wanted = { ret: RET_PF_RETRY, requested: undefined, leaf: undefined, ...wanted, ...more };
    };
    for (const at of act.decisions) {
      const { body } = this.#conductor.event(at);
      if (body.event === 'kvm_mmu_spte_requested') set({ requested: body });
      else if (this.#isPrefetch(act, at))
        continue; // beside what the fault itself maps
      else if (body.event === 'kvm_mmu_set_spte') {
        const ret = act.leaf === undefined && this.#tellsChanges ? RET_PF_SPURIOUS : RET_PF_FIXED;
        set({ ret, leaf: body.spte });
      } else if (body.event === 'mark_mmio_spte' || body.event === 'handle_mmio_page_fault') {
        set({ ret: RET_PF_EMULATE });
      } else if (body.event === 'kvm_tdp_mmu_spte_changed' && at === act.leaf) {
        set({ leaf: body.new_spte });
      } else if (body.event !== 'fast_page_fault' && !this.#isPush(at)) set({});
    }
    return wanted;
  }

  #isPush(index: number): boolean {
    return this.#conductor.event(index).body.event === 'kvm_dirty_ring_push';
  }

  /** Does the trace tell of every change of an entry? The legacy MMU's does not. */
  get #tellsChanges(): boolean {
    return this.#conductor.replayed.vm.tdpMmuEnabled;
  }

  #prepare(act: FaultAct, { requested, leaf }: Wanted, index: number): void {
    const { replayed } = this.#conductor;
    const gfn = gpaToGfn(act.fault.fault_address as Gpa);
    const slot = replayed.slotOf(gfn);
    if (slot !== undefined && (leaf !== undefined || requested !== undefined))
      this.#invalidations.endBefore(gfn, gfnToHvn(slot, gfn));
    if (act.leaf !== undefined) {
      const change = this.#conductor.event(act.leaf).body;
      if (change.event === 'kvm_tdp_mmu_spte_changed') {
        const { gfn, level, old_spte } = change;
        this.#conductor.settle({ gfn, level }, old_spte, index);
      }
    }
    if (slot === undefined || requested === undefined) return;
    const isWrite = (act.fault.error_code & PFERR_WRITE_MASK) !== 0;
    // A write that was mapped was allowed by the host, be the slot what it may.
    const writable = isWrite || (leaf !== undefined && isHostWritable(leaf.low));
    replayed.answer(slot, gfn, {
      pfn: replayed.words.frame(requested.pfn),
      writable,
      huge: requested.level > 1,
    });
  }

  /** The kernel tried, and told nothing: most often the range was being withdrawn. */
  #undecided(act: FaultAct, index: number): void {
    const gfn = gpaToGfn(act.fault.fault_address as Gpa);
    const slot = this.#conductor.replayed.slotOf(gfn);
    const isWrite = (act.fault.error_code & PFERR_WRITE_MASK) !== 0;
    const isReserved = (act.fault.error_code & PFERR_RSVD_MASK) !== 0;
    if (act.refused && slot !== undefined) {
      // It has asked the host, which it does not while the page is being withdrawn.
      this.#invalidations.endBefore(gfn, gfnToHvn(slot, gfn));
      this.#conductor.replayed.refuse(slot, gfn);
    }
    const isAnswered =
      isReserved ||
      act.refused ||
      this.#invalidations.holds(gfn) ||
      (slot !== undefined && (slot.flags & KVM_MEMSLOT_INVALID) !== 0);
    if (isAnswered) {
      const ret = this.#run(act);
      // A reserved bit of which KVM told nothing: its vCPU remembers the page as MMIO, or the MMIO spte is gone by now.
      const isEmulated = isReserved && act.emulated;
      const want = isEmulated ? RET_PF_EMULATE : act.refused ? RET_PF_EFAULT : RET_PF_RETRY;
      if (ret === want) this.#conductor.verdicts.agree('fault result');
      else this.#differ(act, index, nameOf(want), nameOf(ret));
    } else if (slot !== undefined && isReadonly(slot) && isWrite) {
      const ret = this.#run(act);
      if (ret === RET_PF_EMULATE) this.#conductor.verdicts.agree('fault result');
      else this.#differ(act, index, nameOf(RET_PF_EMULATE), nameOf(ret));
    } else {
      const where = `vCPU ${act.fault.vcpu_id}, gfn ${gfn.toString(16)}`;
      const said = { expected: 'no decision', got: 'a page to map', where };
      this.#conductor.differ('fault result', index, said, 'retried-unseen');
    }
  }
}

interface Wanted {
  readonly ret: RetPf;
  readonly requested: Extract<TraceBody, { event: 'kvm_mmu_spte_requested' }> | undefined;
  readonly leaf: Spte | undefined;
}
