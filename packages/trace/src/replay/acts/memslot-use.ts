// Up to where events show the memslots as they were before an ioctl. KVM checks no MMIO spte while memslots are replaced, and
// maps nothing of a slot that is being moved or deleted.
import type { TraceBody } from '../../trace-event.ts';
import type { KnownSlots, MemslotMarker } from './known-slots.ts';

export class MemslotUse {
  readonly #slots: KnownSlots;
  /** The ioctl that changes memslots, from its begin. */
  #change: MemslotMarker | undefined;
  #last = -1;

  constructor(slots: KnownSlots) {
    this.#slots = slots;
  }

  begin(change: MemslotMarker): void {
    this.#change = change;
  }

  note(body: TraceBody, index: number): void {
    if (this.#showsOld(body)) this.#last = index;
  }

  #showsOld(body: TraceBody): boolean {
    if (body.event === 'check_mmio_spte') return true;
    if (body.event !== 'kvm_mmu_set_spte' || this.#change === undefined) return false;
    const { op, slot } = this.#change;
    return (op === 'move' || op === 'delete') && this.#slots.has(slot, body.gfn);
  }

  /** Index of the last event that shows them, if it is not before `begin`. */
  lastSince(begin: number): number | undefined {
    return this.#last < begin ? undefined : this.#last;
  }
}
