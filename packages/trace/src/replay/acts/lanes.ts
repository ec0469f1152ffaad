// For each page, the events in which its leaf is said to change, in the order of the trace: what may have come before it was told.
import type { Recording } from './recording.ts';

export class Lanes {
  readonly #lanes = new Map<number, number[]>();
  readonly #next = new Map<number, number>();

  /** The legacy MMU tells of no change: there a leaf changes where it is said to be set. */
  constructor({ events }: Recording, tellsChanges: boolean) {
    for (const [index, { body }] of events.entries()) {
      if (body.event === 'fast_page_fault' && body.fixed) {
        this.#add(Math.floor(body.cr2_or_gpa / 4096), index);
      } else if (body.event === 'kvm_tdp_mmu_spte_changed' && body.level === 1) {
        this.#add(body.gfn, index);
      } else if (!tellsChanges && body.event === 'kvm_mmu_set_spte' && body.level === 1) {
        this.#add(body.gfn, index);
      }
    }
  }

  #add(gfn: number, index: number): void {
    const lane = this.#lanes.get(gfn);
    if (lane === undefined) this.#lanes.set(gfn, [index]);
    else lane.push(index);
  }

  /** The first event of the page's lane that is open, and `isWanted`. What was closed once stays so. */
  first(
    gfn: number,
    isOpen: (index: number) => boolean,
    isWanted: (index: number) => boolean,
  ): number | undefined {
    const lane = this.#lanes.get(gfn);
    if (lane === undefined) return undefined;
    let next = this.#next.get(gfn) ?? 0;
    while (next < lane.length && !isOpen(lane[next] as number)) next++;
    this.#next.set(gfn, next);
    while (next < lane.length && !(isOpen(lane[next] as number) && isWanted(lane[next] as number)))
      next++;
    return lane[next];
  }
}
