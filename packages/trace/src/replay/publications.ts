// Where memslots are published, and where their grace period ends: no event tells, but faults show which memslots they found.
import { mmioGeneration, PAGE_SIZE } from '@faultline/mmu';
import { gfnOf } from './acts/fault-acts.ts';
import type { MemslotMarker } from './acts/known-slots.ts';
import type { Conductor, Performance } from './conductor.ts';
import { ADDRESS_SPACES } from './spte-words.ts';

export class Publications {
  readonly #conductor: Conductor;

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  /**
   * A slot is published at its place after the last fault that finds no memory there, and taken from where it was after the
   * last fault that finds it invalid.
   */
  beforeLock(performance: Performance, address: number): void {
    // Notifiers take it too, while the trace goes on.
    const isItself = performance.steered;
    if (!isItself || address !== this.#conductor.replayed.vm.at.mn_invalidate_lock) return;
    const { act } = performance;
    if (act.kind !== 'ioctl' || act.marker.ev !== 'memslot' || act.end === undefined) return;
    const { op } = act.marker;
    // A move and a deletion are published twice: what is zapped in between is the old place.
    const isZapped = act.decisions.every((at) => !this.#conductor.ledger.isOpen(at));
    const comes = op === 'create' || (op === 'move' && isZapped);
    const goes = (op === 'delete' || op === 'move') && isZapped;
    const last = Math.max(
      comes ? this.#lastWithoutMemory(act.marker, act.end) : -1,
      goes ? this.#lastInvalid(act.marker, act.end) : -1,
    );
    if (last >= this.#conductor.position) this.#goOnTo(performance, last, 'told');
  }

  /** After a fault that finds no memory where the slot will be; -1 if there is none. */
  #lastWithoutMemory({ gpa, size }: MemslotMarker, end: number): number {
    const first = Number(gpa) / PAGE_SIZE;
    const gen = this.#generation(0);
    for (let index = end - 1; index >= this.#conductor.position; index--) {
      const { body } = this.#conductor.ledger.event(index);
      if (body.event !== 'mark_mmio_spte' || body.gen !== gen) continue;
      if (body.gfn >= first && body.gfn < first + size / PAGE_SIZE) return index + 1;
    }
    return -1;
  }

  /** Where a fault comes to nothing in the slot, before one shows that it is gone; -1 if there is none. */
  #lastInvalid({ slot: id, gpa }: MemslotMarker, end: number): number {
    const { ledger, replayed, position } = this.#conductor;
    const slot = replayed.slots.find((known) => known.id === id);
    let last = -1;
    if (slot === undefined) return last;
    const holds = (gfn: number, first: number = slot.baseGfn): boolean =>
      gfn >= first && gfn < first + slot.npages;
    for (let index = position; index <= end; index++) {
      const { body } = ledger.event(index);
      // No memory where it was, or memory where it will be.
      if (body.event === 'mark_mmio_spte' && holds(body.gfn)) return last;
      if (body.event === 'kvm_mmu_set_spte' && holds(body.gfn, Number(gpa) / PAGE_SIZE))
        return last;
      for (const act of ledger.recording.between.get(index) ?? []) {
        if (act.kind !== 'fault' || act.state !== 'waiting') continue;
        if (holds(gfnOf(act))) last = index;
      }
    }
    return last;
  }

  /**
   * The memslots are published, and their generation goes on after the grace period, which lasts until the ioctl does what it
   * is for: the trace comes to that.
   */
  onSynchronize(performance: Performance): void {
    const { act } = performance;
    if (act.kind !== 'ioctl' || act.marker.ev !== 'memslot') return;
    const { ledger, replayed } = this.#conductor;
    // The legacy MMU does not tell of what it protects: when it did is not known.
    if (!replayed.vm.tdpMmuEnabled && act.marker.op === 'flags') return;
    const next = act.decisions.find((at) => ledger.isOpen(at)) ?? act.end;
    if (next === undefined) return;
    const told = this.#nextGenerationBefore(next);
    this.#goOnTo(performance, told ?? next, told === undefined ? 'assumed' : 'told');
  }

  /** Where a fault that comes before `end` tells of the generation after this one. */
  #nextGenerationBefore(end: number): number | undefined {
    const { ledger, position } = this.#conductor;
    const gen = this.#generation(1);
    for (let index = position; index < end; index++) {
      const { body } = ledger.event(index);
      const at = ledger.recording.actOf[index]?.at ?? 0;
      const tells =
        (body.event === 'mark_mmio_spte' && body.gen === gen) ||
        (body.event === 'check_mmio_spte' && body.kvm_gen === gen);
      if (tells && at >= position) return at;
    }
    return undefined;
  }

  /** As KVM counts, with what is to be added to the memslots' word. */
  #generation(more: 0 | 1): number {
    const { agent, vm } = this.#conductor.replayed;
    return mmioGeneration(agent.load32(vm.at.memslots) + more) * ADDRESS_SPACES;
  }

  #goOnTo(performance: Performance, to: number, why: 'told' | 'assumed'): void {
    const conductor = this.#conductor;
    if (why === 'told') conductor.ledger.verdicts.infer('generation-told');
    conductor.within(performance, () => conductor.goOnTo(to));
  }
}
