// What an act is expected to tell, by what each event is of: the events of the trace that the MMU's own are held against.
import type { MmuEvent } from '@faultline/mmu';
import { mmioSpteGfn } from '@faultline/mmu';
import type { TraceBody, TraceEvent } from '../trace-event.ts';

const CODES: Readonly<Record<string, number>> = {
  kvm_tdp_mmu_spte_changed: 0,
  kvm_mmu_set_spte: 1,
  kvm_mmu_spte_requested: 2,
  kvm_mmu_split_huge_page: 3,
  mark_mmio_spte: 4,
  handle_mmio_page_fault: 5,
  check_mmio_spte: 6,
  kvm_mmu_zap_all_fast: 7,
  kvm_dirty_ring_push: 8,
  kvm_dirty_ring_reset: 9,
};
const LEVELS = 8;
const KINDS = 32;

/** A number for the kind of an event and the entry that it is of; -1 of an event that is not compared so. */
export function keyOf(body: MmuEvent | TraceBody): number {
  const code = CODES[body.event];
  if (code === undefined) return -1;
  if (body.event === 'check_mmio_spte') {
    return changeKey(mmioSpteGfn(body.spte.low, body.spte.high), 1) + code;
  }
  if (body.event === 'kvm_mmu_zap_all_fast') return code;
  if (body.event === 'kvm_dirty_ring_push') return changeKey(body.offset, 1) + code;
  if (body.event === 'kvm_dirty_ring_reset') return changeKey(body.index, 1) + code;
  const { gfn, level = 1 } = body as { gfn: number; level?: number };
  // Wherever it is mapped, it is the page that is asked for, and the level is what is compared.
  return changeKey(gfn, body.event === 'kvm_mmu_spte_requested' ? 1 : level) + code;
}

/** The key of a change of one entry. */
export const changeKey = (gfn: number, level: number): number => (gfn * LEVELS + level) * KINDS;

export class Expected {
  readonly #byKey = new Map<number, number[]>();

  constructor(events: readonly TraceEvent[], indexes: readonly number[]) {
    for (const index of indexes) {
      const key = keyOf((events[index] as TraceEvent).body);
      const others = this.#byKey.get(key);
      if (others === undefined) this.#byKey.set(key, [index]);
      else others.push(index);
    }
  }

  /** The next of this key, which stays; undefined when there is none left. */
  peek(key: number): number | undefined {
    return this.#byKey.get(key)?.[0];
  }

  /** The next of this key. */
  take(key: number): number | undefined {
    return this.#byKey.get(key)?.shift();
  }

  /** What was never taken, in order. */
  get rest(): number[] {
    return [...this.#byKey.values()].flat().sort((a, b) => a - b);
  }
}
