// The rings as user space sees them: what it took, entry by entry, and when KVM sent a vCPU out because its ring was full.
import {
  dirtyGfnAt,
  dirtyGfnOffset,
  dirtyGfnSlot,
  harvestIndex,
  isDirtyRingSoftFull,
  KVM_DIRTY_GFN_F_DIRTY,
  KVM_DIRTY_GFN_F_RESET,
} from '@faultline/mmu';
import type { Conductor } from '../conductor.ts';

export class RingPerformer {
  readonly #conductor: Conductor;

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  perform(index: number): void {
    const { body } = this.#conductor.ledger.event(index);
    if (body.event === 'kvm_dirty_ring_exit') this.#exit(index, body.vcpu_id);
    else if (body.event === 'marker' && body.marker.ev === 'ring_gfns') {
      const { vcpu, slot_off } = body.marker;
      for (const entry of slot_off.trim().split(' ')) this.#take(index, vcpu, entry);
    }
  }

  #exit(index: number, vcpu: number): void {
    const { agent, vm } = this.#conductor.replayed;
    if (isDirtyRingSoftFull(agent, vm, vcpu))
      this.#conductor.ledger.verdicts.agree('kvm_dirty_ring_exit');
    else {
      const said = { expected: 'a full ring', got: 'room in it', where: `vCPU ${vcpu}` };
      this.#conductor.ledger.differ('kvm_dirty_ring_exit', index, said);
    }
  }

  /** User space has seen the entry of a fault that the trace has not told of yet. */
  #hasten(slotId: number, offset: number, before: number): void {
    const { replayed, hindsight } = this.#conductor;
    const slot = replayed.slots.find(({ id }) => id === slotId);
    if (slot !== undefined) hindsight.hasten(slot.baseGfn + offset, before);
  }

  /** User space reads the next entry and marks it as read: `slot:offset`, in hexadecimal but for the slot. */
  #take(index: number, vcpu: number, told: string): void {
    const { agent, vm } = this.#conductor.replayed;
    const [slot = '', offset = ''] = told.split(':');
    const at = harvestIndex(vm, vcpu);
    const next = agent.load32(at);
    const entry = dirtyGfnAt(vm, vcpu, next);
    const isThere = (): boolean => agent.load32(entry) === KVM_DIRTY_GFN_F_DIRTY;
    if (!isThere()) this.#hasten(Number(slot), Number.parseInt(offset, 16), index);
    const got = isThere()
      ? `${dirtyGfnSlot(agent, entry)}:${dirtyGfnOffset(agent, entry).toString(16)}`
      : 'none';
    if (got === told) this.#conductor.ledger.verdicts.agree('ring entry');
    else
      this.#conductor.ledger.differ('ring entry', index, {
        expected: told,
        got,
        where: `ring ${vcpu}`,
      });
    agent.store32(entry, KVM_DIRTY_GFN_F_RESET);
    agent.store32(at, (next + 1) | 0);
  }
}
