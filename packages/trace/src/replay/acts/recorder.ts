// Events in, in the order of the trace; out the acts that they belong to.
import type { KvmPageFault } from '@faultline/mmu';
import type { Marker } from '../../marker.ts';
import type { TraceEvent } from '../../trace-event.ts';
import type {
  Act,
  ActBase,
  FaultAct,
  IoctlAct,
  IoctlMarker,
  MomentAct,
  NestedFaultAct,
  NotifierAct,
} from './act.ts';
import { isDecision, noteDecision } from './decision.ts';
import { isDecided, newFaultAct } from './fault-acts.ts';
import { Ioctls, isIoctl } from './ioctls.ts';
import { KnownSlots } from './known-slots.ts';
import { MemslotUse } from './memslot-use.ts';
import { isOfNotifier } from './notifier-acts.ts';
import { Recording } from './recording.ts';
import { Tasks } from './tasks.ts';

export class Recorder {
  readonly #recording = new Recording();
  readonly #tasks = new Tasks();
  readonly #vcpus = new Set<number>();
  /** vCPUs that have not entered the guest since all of the page table was zapped. */
  #obsolete = new Set<number>();
  readonly #slots = new KnownSlots();
  readonly #memslotUse = new MemslotUse(this.#slots);
  readonly #ioctls = new Ioctls();

  add(event: TraceEvent): void {
    const { body, pid } = event;
    switch (body.event) {
      case 'kvm_entry':
        this.#closeFault(pid);
        this.#enter(event, body.vcpu_id);
        return;
      case 'kvm_exit':
        this.#closeFault(pid);
        return;
      case 'kvm_page_fault':
        this.#closeFault(pid);
        this.#vcpus.add(body.vcpu_id);
        this.#recording.push(event, this.#beginFault(pid, body));
        return;
      case 'kvm_nested_vmenter':
        this.#tasks.of(pid).running = body.tdp_enabled ? 'shadowed' : 'nested guest';
        return;
      case 'kvm_nested_vmexit_inject': // kvm_nested_vmexit only asks whether the guest wants the exit
      case 'kvm_nested_vmenter_failed':
        this.#closeFault(pid);
        this.#tasks.of(pid).running = 'guest';
        return;
      case 'kvm_unmap_hva_range':
        this.#recording.push(event, this.#beginNotifier(pid, 'unmap', body.start, body.end));
        return;
      case 'kvm_age_hva':
        this.#recording.push(event, this.#beginNotifier(pid, 'age', body.start, body.end));
        return;
      case 'kvm_test_age_hva':
        this.#recording.push(event, this.#beginNotifier(pid, 'test-age', body.hva, body.hva + 1));
        return;
      case 'kvm_userspace_exit':
        if (body.reason === 'error') this.#noteOfFault(pid, { refused: true });
        this.#closeFault(pid);
        return;
      case 'kvm_emulate_insn':
        this.#noteOfFault(pid, { emulated: true });
        return;
      case 'kvm_mmu_get_page':
        this.#recording.isIndirect ||= !body.role.direct;
        return;
      case 'kvm_dirty_ring_exit':
        this.#recording.push(event, this.#moment(pid));
        return;
      case 'marker':
        this.#marker(event, body.marker);
        return;
      default:
        if (isDecision(body)) this.#decision(event);
    }
  }

  /** After the last event. */
  end(): Recording {
    for (const pid of this.#tasks.pids) this.#closeFault(pid);
    return this.#recording;
  }

  /** A vCPU gives up a root that is not valid any more where it enters the guest next. */
  #enter(event: TraceEvent, vcpu: number): void {
    if (!this.#obsolete.delete(vcpu)) return;
    this.#recording.push(event, this.#moment(event.pid));
  }

  #begin(pid: number): ActBase {
    const begin = this.#recording.events.length;
    return { pid, begin, decisions: [], at: begin, state: 'waiting' };
  }

  #moment(pid: number): MomentAct {
    return { ...this.#begin(pid), kind: 'moment' };
  }

  #beginFault(pid: number, fault: KvmPageFault): FaultAct | NestedFaultAct {
    const task = this.#tasks.of(pid);
    const base = this.#begin(pid);
    const act: FaultAct | NestedFaultAct =
      task.running === 'shadowed'
        ? { ...base, kind: 'nested-fault', fault }
        : newFaultAct(base, fault, task.running);
    task.fault = act;
    return act;
  }

  #beginNotifier(pid: number, kind: NotifierAct['kind'], start: number, end: number): NotifierAct {
    const act: NotifierAct = { ...this.#begin(pid), kind, start, end };
    this.#tasks.of(pid).notifier = act;
    return act;
  }

  #noteOfFault(pid: number, what: Partial<Pick<FaultAct, 'refused' | 'emulated'>>): void {
    const { fault } = this.#tasks.of(pid);
    if (fault?.kind === 'fault') Object.assign(fault, what);
  }

  #closeFault(pid: number): void {
    const task = this.#tasks.of(pid);
    const { fault } = task;
    task.notifier = undefined;
    task.fault = undefined;
    if (fault?.kind !== 'fault') return;
    fault.end = this.#recording.events.length;
    if (!isDecided(fault, this.#recording.events)) this.#recording.moveBetween(fault, fault.end);
  }

  /** Memslots were published after the last event that shows those before. */
  #publishAfterUse(act: IoctlAct): void {
    if (act.marker.ev !== 'memslot') return;
    const last = this.#memslotUse.lastSince(act.begin);
    const user = last === undefined ? undefined : this.#recording.actOf[last];
    if (user !== undefined) this.#recording.moveBetween(act, user.at + 1);
  }

  #marker(event: TraceEvent, marker: Marker): void {
    const { pid } = event;
    this.#closeFault(pid); // it is in user space
    if (marker.ev === 'dirty_bits') this.#ioctls.addBits(marker);
    if (marker.ev === 'ring_gfns') this.#recording.push(event, this.#moment(pid));
    else if (!isIoctl(marker)) this.#recording.push(event, this.#tasks.of(pid).ioctl);
    else if (marker.at === 'begin') this.#beginIoctl(event, marker);
    else this.#endIoctl(event, marker);
  }

  #beginIoctl(event: TraceEvent, marker: IoctlMarker): void {
    const task = this.#tasks.of(event.pid);
    task.notifier = undefined;
    task.ioctl = this.#ioctls.begin(this.#begin(event.pid), marker);
    if (marker.ev === 'memslot') {
      this.#memslotUse.begin(marker);
      this.#slots.begin(marker);
    }
    this.#recording.push(event, task.ioctl);
  }

  #endIoctl(event: TraceEvent, marker: IoctlMarker): void {
    const task = this.#tasks.of(event.pid);
    const { ioctl } = task;
    this.#recording.push(event, ioctl);
    if (ioctl === undefined) return;
    if (ioctl.decisions.length === 0) this.#publishAfterUse(ioctl);
    this.#ioctls.end(ioctl, marker, this.#recording.events.length - 1);
    task.ioctl = undefined;
    task.notifier = undefined;
    if (marker.ev === 'memslot') this.#slots.end(marker);
  }

  #decision(event: TraceEvent): void {
    if (event.body.event === 'kvm_mmu_zap_all_fast') this.#obsolete = new Set(this.#vcpus);
    const act = this.#actOfDecision(event);
    const index = this.#recording.events.length;
    this.#recording.push(event, act);
    this.#memslotUse.note(event.body, index);
    if (act === undefined) return;
    act.decisions.push(index);
    if (act.kind === 'ioctl' && act.decisions.length === 1) this.#publishAfterUse(act);
    noteDecision(act, event.body, index);
  }

  #actOfDecision({ pid, body }: TraceEvent): Act | undefined {
    const open = this.#tasks.of(pid);
    const { notifier, fault, ioctl } = open;
    if (notifier !== undefined && body.event === 'kvm_tdp_mmu_spte_changed') {
      if (isOfNotifier(notifier, body, this.#slots)) return notifier;
    }
    open.notifier = undefined;
    if (fault !== undefined || ioctl !== undefined) return fault ?? ioctl;
    const last = this.#recording.actOf.at(-1);
    if (last?.kind === 'other' && last.pid === pid) return last;
    return { ...this.#begin(pid), kind: 'other' };
  }
}
