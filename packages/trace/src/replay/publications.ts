// Where memslots are published, and where their grace period ends: no event tells, but faults show which memslots they found.
import { mmioGeneration, PAGE_SIZE } from '@faultline/mmu';
import type { IoctlAct } from './acts/act.ts';
import type { Conductor, Performance } from './conductor.ts';
import { ADDRESS_SPACES } from './spte-words.ts';

export class Publications {
  readonly #conductor: Conductor;

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  /** A slot is published at its place after the last fault that finds no memory there. */
  beforeLock(performance: Performance, address: number): void {
    if (address !== this.#conductor.replayed.vm.at.mn_invalidate_lock) return;
    const { act } = performance;
    if (act.kind !== 'ioctl' || !this.#isArrival(act)) return;
    const last = this.#lastWithoutMemory(act);
    if (last !== undefined) this.#goOnTo(performance, last + 1, 'told');
  }

  /** A move is published twice: what is zapped in between is the old place. */
  #isArrival({ marker, decisions }: IoctlAct): boolean {
    if (marker.ev !== 'memslot') return false;
    const { ledger } = this.#conductor;
    const isZapped = decisions.every((at) => !ledger.isOpen(at));
    return marker.op === 'create' || (marker.op === 'move' && isZapped);
  }

  #lastWithoutMemory({ marker, end }: IoctlAct): number | undefined {
    if (marker.ev !== 'memslot' || end === undefined) return undefined;
    const first = Number(marker.gpa) / PAGE_SIZE;
    const gen = this.#generation(0);
    for (let index = end - 1; index >= this.#conductor.position; index--) {
      const { body } = this.#conductor.ledger.event(index);
      if (body.event !== 'mark_mmio_spte' || body.gen !== gen) continue;
      if (body.gfn >= first && body.gfn < first + marker.size / PAGE_SIZE) return index;
    }
    return undefined;
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
