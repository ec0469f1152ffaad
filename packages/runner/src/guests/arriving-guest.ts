// What a guest program sees that comes from another process: first only the ledger, in which it makes anew, from its first touch
// on, what it stored at the source; then its memory, which must hold just that.
import type { Shared } from '@faultline/atomics';
import { PAGE_WORDS, type Vcpu } from '@faultline/mmu';
import type { Machine, Region } from '../machine.ts';
import { Guest } from './guest.ts';

export class ArrivingGuest extends Guest {
  readonly #words: Int32Array;
  readonly #byGfn: number;
  #isLive = false;

  /** Its memory is one region. */
  constructor(mem: Shared, machine: Machine, vcpu: Vcpu, regions: readonly Region[]) {
    super(mem, machine, vcpu, regions);
    const [{ gfn, hvn }] = regions as readonly [Region];
    this.#words = machine.ledger;
    this.#byGfn = hvn - gfn;
  }

  /** From here on it touches its memory. */
  goLive(): void {
    this.#isLive = true;
  }

  override put(gfn: number, hvn: number, word: number, value: number): void {
    if (this.#isLive) super.put(gfn, hvn, word, value);
    else this.#words[hvn * PAGE_WORDS + word] = value;
  }

  override load(gfn: number, word: number): number {
    if (this.#isLive) return super.load(gfn, word);
    return this.#words[(gfn + this.#byGfn) * PAGE_WORDS + word] as number;
  }
}
