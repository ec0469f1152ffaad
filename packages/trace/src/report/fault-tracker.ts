// The events of a trace in, the faults of its vCPUs out: each from the exit to the next entry of the same thread.
//
// A fault begins with kvm_page_fault; on Intel an MMIO fault has none, so there it begins with the exit EPT_MISCONFIG; and where
// kvm_page_fault was not recorded, with fast_page_fault. Events without a vCPU's number belong to the fault that is open on
// their thread. Memory: one object per thread that ever entered a guest.
import { type FastPageFault, gpaToGfn, type KvmPageFault, PFERR_RSVD_MASK } from '@faultline/mmu';
import { pageFaultErrorCode } from '../spte/exit-qualification.ts';
import { SpteLayoutDetector } from '../spte/spte-layout.ts';
import type { SpteLayout } from '../spte/spte-view.ts';
import type { TraceEvent } from '../trace-event.ts';
import { DroppedHugePages } from './dropped-huge-pages.ts';
import type { Fault } from './fault.ts';
import { lookOf } from './look.ts';
import { Seen, seenIn } from './seen.ts';
import { VcpuState } from './vcpu-state.ts';

/** Shadow paging: the address is the guest's virtual one, and the gfn comes with the mapping. */
const EXCEPTION_EXITS: ReadonlySet<string> = new Set(['PF excp', 'EXCEPTION_NMI']);

export interface FaultListener {
  /** The fast path's event has come; the fault goes on. */
  looked?(fault: Fault): void;
  /** It has ended, by re-entry or because nothing more of it will come. */
  ended(fault: Fault): void;
}

export class FaultTracker {
  readonly vcpus: Map<number, VcpuState> = new Map();
  readonly #listener: FaultListener;
  readonly #dropped = new DroppedHugePages();
  readonly #layout = new SpteLayoutDetector();

  constructor(listener: FaultListener) {
    this.#listener = listener;
  }

  get layout(): SpteLayout {
    return this.#layout.found ?? 'npt';
  }

  add(event: TraceEvent): void {
    const { body } = event;
    this.#layout.add(body);
    switch (body.event) {
      case 'kvm_entry':
        this.#enter(this.#vcpu(event, body.vcpu_id), event.time);
        break;
      case 'kvm_exit':
        this.#exit(this.#vcpu(event, body.vcpu_id), event.time, body.reason);
        break;
      case 'kvm_page_fault':
        this.#begin(this.#vcpu(event, body.vcpu_id), event.time, body);
        break;
      case 'fast_page_fault':
        this.#look(this.#vcpu(event, body.vcpu_id), event.time, body);
        break;
      default: {
        const vcpu = this.vcpus.get(event.pid);
        if (vcpu?.isOpen === true) this.#note(vcpu, event);
      }
    }
  }

  /** No more events will come: what is open has no re-entry. */
  end(): void {
    for (const vcpu of this.vcpus.values()) this.#close(vcpu, Number.NaN);
  }

  #vcpu({ pid, task, cpu, time }: TraceEvent, vcpuId: number): VcpuState {
    let vcpu = this.vcpus.get(pid);
    if (vcpu === undefined) {
      vcpu = new VcpuState(pid, task, time);
      this.vcpus.set(pid, vcpu);
    }
    vcpu.vcpuId = vcpuId;
    vcpu.cpu = cpu;
    vcpu.lastTime = time;
    return vcpu;
  }

  #enter(vcpu: VcpuState, time: number): void {
    this.#close(vcpu, time);
    vcpu.enteredAt = time;
    vcpu.exitedAt = Number.NaN;
  }

  #exit(vcpu: VcpuState, time: number, reason: string): void {
    this.#close(vcpu, Number.NaN);
    vcpu.exitedAt = time;
    vcpu.addressIsVirtual = EXCEPTION_EXITS.has(reason);
    if (reason === 'EPT_MISCONFIG') vcpu.begin(time, Number.NaN, PFERR_RSVD_MASK);
  }

  #begin(vcpu: VcpuState, time: number, body: KvmPageFault): void {
    this.#close(vcpu, Number.NaN);
    const code = pageFaultErrorCode(body.error_code, this.layout);
    vcpu.begin(time, gpaToGfn(body.fault_address), code);
  }

  #look(vcpu: VcpuState, time: number, body: FastPageFault): void {
    const gfn = gpaToGfn(body.cr2_or_gpa);
    // A second look is another fault's, whose beginning is lost.
    if (!Number.isNaN(vcpu.lookedAt)) this.#close(vcpu, Number.NaN);
    if (!vcpu.isOpen) vcpu.begin(time, gfn, body.error_code);
    if (vcpu.gfn === -1) vcpu.gfn = gfn;
    vcpu.seen |= (body.fixed ? Seen.Fixed : 0) | (body.spurious ? Seen.Spurious : 0);
    vcpu.look = body.fixed || body.spurious ? undefined : lookOf(body.old_spte, this.layout);
    if (vcpu.look === 'huge') this.#dropped.add(gfn);
    vcpu.lookedAt = time;
    vcpu.oldSpte = body.old_spte;
    vcpu.newSpte = body.new_spte;
    this.#listener.looked?.(vcpu);
  }

  #close(vcpu: VcpuState, time: number): void {
    if (!vcpu.isOpen) return;
    vcpu.close(time, this.#dropped.has(vcpu.gfn));
    this.#listener.ended(vcpu);
  }

  /** What else its thread did. */
  #note(vcpu: VcpuState, { body }: TraceEvent): void {
    vcpu.seen |= seenIn(body);
    if (body.event === 'kvm_mmu_spte_requested' && vcpu.addressIsVirtual) vcpu.gfn = body.gfn;
    else if (body.event === 'handle_mmio_page_fault') vcpu.gfn = body.gfn;
    else if (body.event === 'kvm_fast_mmio') vcpu.gfn = gpaToGfn(body.gpa);
    else if (body.event === 'kvm_mmu_split_huge_page') this.#dropped.delete(body.gfn);
    else if (body.event === 'kvm_mmu_set_spte' && body.level > 1) this.#dropped.delete(body.gfn);
  }
}
