// Where guest memory lies in the VMM's, as far as markers tell: then a notifier's range can be held against a gfn.
import type { TraceEvent } from '../trace-event.ts';

const PAGE_SIZE = 4096;

interface Memslot {
  readonly gpa: number;
  readonly size: number;
  readonly hva: number;
}

export class Memslots {
  readonly #slots = new Map<number, Memslot>();

  add({ body }: TraceEvent): void {
    if (body.event !== 'marker' || body.marker.ev !== 'memslot') return;
    const { at, op, slot, gpa, size, hva, errno = 0 } = body.marker;
    if (at !== 'end' || errno !== 0) return;
    if (op === 'delete') this.#slots.delete(slot);
    else this.#slots.set(slot, { gpa: Number(gpa), size, hva: Number(hva) });
  }

  /** Undefined where no memslot is known to hold it. */
  hvaOf(gfn: number): number | undefined {
    const gpaOf = gfn * PAGE_SIZE;
    for (const { gpa, size, hva } of this.#slots.values()) {
      if (gpaOf >= gpa && gpaOf < gpa + size) return hva + gpaOf - gpa;
    }
    return undefined;
  }
}
