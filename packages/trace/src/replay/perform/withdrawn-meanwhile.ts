// A fault that comes to nothing because something was withdrawn between its look at the sequence number and mmu_lock: no event
// tells where either is. The number is looked at where the fault begins, and the lock taken where it ends.
import {
  gfnToHvn,
  hostPtePfn,
  hostPtep,
  isHostPtePresent,
  type Memslot,
  type Pfn,
} from '@faultline/mmu';
import type { FaultAct } from '../acts/act.ts';
import { gfnOf } from '../acts/fault-acts.ts';
import type { Conductor } from '../conductor.ts';

export class WithdrawnMeanwhile {
  readonly #conductor: Conductor;
  /** mmu_invalidate_seq where a fault began. */
  readonly #seqOf = new WeakMap<FaultAct, number>();

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  begin(act: FaultAct): void {
    this.#seqOf.set(act, this.#seq);
  }

  /** Has an invalidation ended since? */
  isSo(act: FaultAct): boolean {
    const began = this.#seqOf.get(act);
    return began !== undefined && began !== this.#seq;
  }

  /** Runs the fault: the number is that of its beginning until it takes the lock. The host has its page for as long. */
  during<Outcome>(act: FaultAct, slot: Memslot, run: () => Outcome): Outcome {
    const { agent, vm } = this.#conductor.replayed;
    const gfn = gfnOf(act);
    const ptep = hostPtep(vm, gfnToHvn(slot, gfn));
    const pte = agent.load32(ptep);
    const now = this.#seq;
    const pfn = isHostPtePresent(pte) ? hostPtePfn(pte) : (0 as Pfn);
    this.#conductor.replayed.answer(slot, gfn, { pfn, writable: true, huge: false });
    agent.store32(vm.at.mmu_invalidate_seq, this.#seqOf.get(act) ?? now);
    this.#conductor.onLock = (address) => {
      if (address === vm.at.mmu_lock) agent.store32(vm.at.mmu_invalidate_seq, now);
    };
    try {
      return run();
    } finally {
      this.#conductor.onLock = () => {};
      agent.store32(vm.at.mmu_invalidate_seq, now);
      agent.store32(ptep, pte);
    }
  }

  get #seq(): number {
    const { agent, vm } = this.#conductor.replayed;
    return agent.load32(vm.at.mmu_invalidate_seq);
  }
}
