// Events in, in the order of the trace; out the acts that they belong to. Holds what a replay needs in memory, which is about
// half of a trace's events: an act can only be carried out when it is known how it ended.
import type { KvmTdpMmuSpteChanged } from '@faultline/mmu';
import { isLastSpte, isMmioSpte, isShadowPresent } from '@faultline/mmu';
import type { TraceBody, TraceEvent } from '../trace-event.ts';
import type { Act, FaultAct, IoctlAct, IoctlMarker, NestedFaultAct, NotifierAct } from './act.ts';
import { KnownSlots } from './known-slots.ts';
import type { Running } from './replayed-vm.ts';

/** What a task is in the middle of: an ioctl or a fault, and within either a notifier. */
interface OpenActs {
  fault: FaultAct | NestedFaultAct | undefined;
  notifier: NotifierAct | undefined;
  ioctl: IoctlAct | undefined;
  /** Of a vCPU: what it runs. A nested guest with tables of its own has them shadowed. */
  running: Running | 'shadowed';
}

export class Recording {
  readonly events: TraceEvent[] = [];
  /** Beside `events`: what each belongs to. */
  readonly actOf: (Act | undefined)[] = [];
  /** Acts that are carried out before an event of another: faults that ended without any decision, memslots published late. */
  readonly between: Map<number, Act[]> = new Map<number, Act[]>();
  /** The ioctl that changes memslots, from its begin. */
  #memslotAct: IoctlAct | undefined;
  /** Of the last event that shows the memslots as they were. */
  #lastUse = -1;
  #isIndirect = false;
  readonly #open = new Map<number, OpenActs>();
  readonly #vcpus = new Set<number>();
  /** vCPUs that have not entered the guest since all of the page table was zapped. */
  #obsolete = new Set<number>();
  readonly #slots = new KnownSlots();
  readonly #harvests = new Map<number, IoctlAct>();

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
        this.#push(event, this.#beginFault(pid, body));
        return;
      case 'kvm_nested_vmenter':
        this.#openOf(pid).running = body.tdp_enabled ? 'shadowed' : 'nested guest';
        return;
      case 'kvm_nested_vmexit_inject': // kvm_nested_vmexit only asks whether the guest wants the exit
      case 'kvm_nested_vmenter_failed':
        this.#closeFault(pid);
        this.#openOf(pid).running = 'guest';
        return;
      case 'kvm_unmap_hva_range':
        this.#push(event, this.#beginNotifier(pid, 'unmap', body.start, body.end));
        return;
      case 'kvm_age_hva':
        this.#push(event, this.#beginNotifier(pid, 'age', body.start, body.end));
        return;
      case 'kvm_test_age_hva':
        this.#push(event, this.#beginNotifier(pid, 'test-age', body.hva, body.hva + 1));
        return;
      case 'kvm_userspace_exit': {
        const fault = this.#open.get(pid)?.fault;
        if (fault?.kind === 'fault' && body.reason === 'error') fault.refused = true;
        this.#closeFault(pid);
        return;
      }
      case 'kvm_emulate_insn': {
        const fault = this.#open.get(pid)?.fault;
        if (fault?.kind === 'fault') fault.emulated = true;
        return;
      }
      case 'kvm_mmu_get_page':
        this.#isIndirect ||= !body.role.direct;
        return;
      case 'kvm_dirty_ring_exit':
        this.#push(event, { ...this.#begin(pid), kind: 'moment' });
        return;
      case 'marker':
        this.#marker(event);
        return;
      default:
        if (isDecision(body)) this.#decision(event);
    }
  }

  /** Were there tables that shadow the guest's own? */
  get isIndirect(): boolean {
    return this.#isIndirect;
  }

  /** After the last event. */
  end(): void {
    for (const pid of this.#open.keys()) this.#closeFault(pid);
  }

  /** A vCPU gives up a root that is not valid any more where it enters the guest next. */
  #enter(event: TraceEvent, vcpu: number): void {
    if (!this.#obsolete.delete(vcpu)) return;
    this.#push(event, { ...this.#begin(event.pid), kind: 'moment' });
  }

  #push(event: TraceEvent, act?: Act): void {
    this.events.push(event);
    this.actOf.push(act);
  }

  #openOf(pid: number): OpenActs {
    let open = this.#open.get(pid);
    if (open === undefined) {
      open = { fault: undefined, notifier: undefined, ioctl: undefined, running: 'guest' };
      this.#open.set(pid, open);
    }
    return open;
  }

  #begin(pid: number) {
    const begin = this.events.length;
    return { pid, begin, decisions: [], at: begin, state: 'waiting' as const };
  }

  #beginFault(pid: number, fault: FaultAct['fault']): FaultAct | NestedFaultAct {
    const open = this.#openOf(pid);
    const { running } = open;
    if (running === 'shadowed') {
      const nested: NestedFaultAct = { ...this.#begin(pid), kind: 'nested-fault', fault };
      open.fault = nested;
      return nested;
    }
    const end = this.events.length;
    const none = { fast: undefined, check: undefined, leaf: undefined };
    const act: FaultAct = {
      ...this.#begin(pid),
      kind: 'fault',
      fault,
      running,
      ...none,
      end,
      refused: false,
      emulated: false,
    };
    open.fault = act;
    return act;
  }

  #beginNotifier(pid: number, kind: NotifierAct['kind'], start: number, end: number): NotifierAct {
    const act: NotifierAct = { ...this.#begin(pid), kind, start, end };
    this.#openOf(pid).notifier = act;
    return act;
  }

  #closeFault(pid: number): void {
    const open = this.#open.get(pid);
    if (open === undefined) return;
    open.notifier = undefined;
    const { fault } = open;
    if (fault === undefined) return;
    open.fault = undefined;
    if (fault.kind === 'nested-fault') return;
    fault.end = this.events.length;
    if (this.#isDecided(fault)) return;
    this.#moveBetween(fault, fault.end);
  }

  #moveBetween(act: Act, at: number): void {
    act.at = at;
    const others = this.between.get(at);
    if (others === undefined) this.between.set(at, [act]);
    else others.push(act);
  }

  /** KVM checks no MMIO spte while memslots are replaced, and maps nothing of a slot that is being moved or deleted. */
  #showsOldMemslots(body: TraceBody): boolean {
    if (body.event === 'check_mmio_spte') return true;
    if (body.event !== 'kvm_mmu_set_spte' || this.#memslotAct?.marker.ev !== 'memslot')
      return false;
    const { op, slot: id } = this.#memslotAct.marker;
    return (op === 'move' || op === 'delete') && this.#slots.has(id, body.gfn);
  }

  /** Memslots were published after the last event that shows those before. */
  #publishAfterUse(act: IoctlAct): void {
    const last = this.actOf[this.#lastUse];
    if (act.marker.ev !== 'memslot' || this.#lastUse < act.begin || last === undefined) return;
    this.#moveBetween(act, last.at + 1);
  }

  /** Did anything come of it, or did the kernel let it go without a word? */
  #isDecided({ decisions, fast }: FaultAct): boolean {
    if (decisions.length !== 1 || fast === undefined) return decisions.length > 0;
    const { body } = this.events[fast] as TraceEvent;
    return body.event === 'fast_page_fault' && (body.fixed || body.spurious);
  }

  #marker(event: TraceEvent): void {
    if (event.body.event !== 'marker') return;
    const { marker } = event.body;
    this.#closeFault(event.pid); // it is in user space
    const open = this.#openOf(event.pid);
    if (marker.ev === 'ring_gfns') {
      this.#push(event, { ...this.#begin(event.pid), kind: 'moment' });
      return;
    }
    if (marker.ev === 'dirty_bits') this.#harvests.get(marker.slot)?.bits.push(marker);
    if (isIoctl(marker) && marker.at === 'begin') {
      open.notifier = undefined;
      open.ioctl = {
        ...this.#begin(event.pid),
        kind: 'ioctl',
        marker,
        end: undefined,
        ended: undefined,
        bits: [],
      };
      if (marker.ev === 'memslot') {
        this.#memslotAct = open.ioctl;
        this.#slots.begin(marker);
      }
      this.#push(event, open.ioctl);
      return;
    }
    const { ioctl } = open;
    this.#push(event, ioctl);
    if (!isIoctl(marker) || ioctl === undefined) return;
    ioctl.end = this.events.length - 1;
    if (ioctl.decisions.length === 0) this.#publishAfterUse(ioctl);
    ioctl.ended = marker;
    open.ioctl = undefined;
    open.notifier = undefined;
    if (marker.ev === 'get_dirty_log') this.#harvests.set(marker.slot, ioctl);
    if (marker.ev === 'memslot') this.#slots.end(marker);
  }

  #decision(event: TraceEvent): void {
    if (event.body.event === 'kvm_mmu_zap_all_fast') this.#obsolete = new Set(this.#vcpus);
    const act = this.#actOfDecision(event);
    const index = this.events.length;
    this.#push(event, act);
    if (this.#showsOldMemslots(event.body)) this.#lastUse = index;
    if (act === undefined) return;
    act.decisions.push(index);
    if (act.kind === 'ioctl' && act.decisions.length === 1) this.#publishAfterUse(act);
    if (act.kind === 'fault') noteInFault(act, event.body, index);
    else if (act.kind === 'nested-fault') {
      if (event.body.event === 'kvm_mmu_set_spte' && act.at === act.begin) act.at = index;
    } else if (act.kind === 'unmap' && act.decisions.length === 1) {
      // The lock is taken after the notifier is told of: before the first change, not at the event.
      act.at = index;
    }
  }

  #actOfDecision({ pid, body }: TraceEvent): Act | undefined {
    const open = this.#openOf(pid);
    const { notifier, fault, ioctl } = open;
    if (notifier !== undefined && body.event === 'kvm_tdp_mmu_spte_changed') {
      if (this.#isOf(notifier, body)) return notifier;
    }
    open.notifier = undefined;
    if (fault !== undefined || ioctl !== undefined) return fault ?? ioctl;
    const last = this.actOf.at(-1);
    if (last?.kind === 'other' && last.pid === pid) return last;
    return { ...this.#begin(pid), kind: 'other' };
  }

  #isOf({ start, end, kind }: NotifierAct, change: KvmTdpMmuSpteChanged): boolean {
    if ((kind === 'unmap') === isShadowPresent(change.new_spte.low)) return false;
    if (!isLastSpte(change.old_spte.low, change.level)) return false; // a notifier takes leaves, and leaves tables
    return this.#slots.maps(change, start, end);
  }
}

function noteInFault(act: FaultAct, body: TraceBody, index: number): void {
  if (body.event === 'fast_page_fault') {
    act.fast = index;
    act.at = index;
    return;
  }
  // Said by whichever path marks the page, right before the word that the path itself has.
  if (body.event === 'kvm_dirty_ring_push') return;
  if (body.event === 'check_mmio_spte') act.check = index;
  const isLeaf =
    body.event === 'kvm_tdp_mmu_spte_changed' &&
    ((isShadowPresent(body.new_spte.low) && isLastSpte(body.new_spte.low, body.level)) ||
      isMmioSpte(body.new_spte.low, body.new_spte.high));
  if (isLeaf) act.leaf = index;
  // At the leaf's change, when there is one: what comes after it is only said, and what came before led there.
  act.at = act.leaf ?? index;
}

const DECISIONS = new Set<string>([
  'fast_page_fault',
  'kvm_mmu_spte_requested',
  'kvm_mmu_set_spte',
  'kvm_tdp_mmu_spte_changed',
  'kvm_mmu_split_huge_page',
  'mark_mmio_spte',
  'handle_mmio_page_fault',
  'check_mmio_spte',
  'kvm_mmu_zap_all_fast',
  'kvm_dirty_ring_push',
  'kvm_dirty_ring_reset',
]);

const isDecision = (body: TraceBody): boolean => DECISIONS.has(body.event);

const IOCTLS = new Set<string>([
  'memslot',
  'get_dirty_log',
  'clear_dirty_log',
  'reset_dirty_rings',
]);
const isIoctl = (marker: { readonly ev: string }): marker is IoctlMarker => IOCTLS.has(marker.ev);
