// Invalidations that have begun and whose end no event tells: faults of their range come to nothing meanwhile.
import type { Shared } from '@faultline/atomics';
import {
  type Gfn,
  type Hvn,
  invalidateRangeEnd,
  invalidateRangeStart,
  isInvalidating,
  type Vm,
} from '@faultline/mmu';
import type { Verdicts } from '../verdicts.ts';

interface Open {
  readonly pid: number;
  readonly hvn: Hvn;
  readonly count: number;
}

export class OpenInvalidations {
  readonly #agent: Shared;
  readonly #vm: Vm;
  readonly #verdicts: Verdicts;
  #open: Open[] = [];

  constructor({ agent, vm }: { agent: Shared; vm: Vm }, verdicts: Verdicts) {
    this.#agent = agent;
    this.#vm = vm;
    this.#verdicts = verdicts;
  }

  start(pid: number, hvn: Hvn, count: number): void {
    // Before it has zapped all: meanwhile others find that it is in progress.
    this.#open.push({ pid, hvn, count });
    invalidateRangeStart(this.#agent, this.#vm, hvn, count);
  }

  holds(gfn: number): boolean {
    return this.#open.length > 0 && isInvalidating(this.#agent, this.#vm, gfn as Gfn);
  }

  /** The task has gone on: its invalidations are over. */
  endOf(pid: number): void {
    if (this.#open.length > 0) this.#end((open) => open.pid === pid);
  }

  /** Somebody has mapped `gfn`, which is host page `hvn`: what kept it from being mapped is over, and no more than that. */
  endBefore(gfn: number, hvn: Hvn): void {
    if (!this.holds(gfn)) return;
    this.#verdicts.infer('invalidation-ended');
    const others = this.#open.filter((open) => hvn < open.hvn || hvn >= open.hvn + open.count);
    this.#end(() => true);
    let from: number = Number.POSITIVE_INFINITY;
    let to = 0;
    for (const open of others.reverse()) {
      from = Math.min(from, open.hvn);
      to = Math.max(to, open.hvn + open.count);
      // KVM has one range around all that are open: if it would hold this page, older ones are over too.
      if (hvn >= from && hvn < to) return;
      this.start(open.pid, open.hvn, open.count);
    }
  }

  /** A fault has mapped pages in advance, which none does while an invalidation is open, of whatever range. */
  endBeforePrefetch(): void {
    if (this.#open.length === 0) return;
    this.#verdicts.infer('invalidation-ended');
    this.endAll();
  }

  /** The memslots change: KVM waits until none is open. */
  endAll(): void {
    this.#end(() => true);
  }

  #end(which: (open: Open) => boolean): void {
    const ended = this.#open.filter(which);
    this.#open = this.#open.filter((open) => !which(open));
    for (const { hvn, count } of ended) invalidateRangeEnd(this.#agent, this.#vm, hvn, count);
  }
}
