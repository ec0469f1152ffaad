// The last few thousand changes of sptes, so that a fault can be asked who changed its spte while it was in flight. A ring of
// columns: two million changes pass through it, and none may become an object.
import type { Spte } from '@faultline/mmu';
import type { TraceHeader } from '../trace-event.ts';

const SLOTS = 16_384;
const INDEX_BITS = 9;

/** How it is known. */
export type ChangeSource = 'kvm_tdp_mmu_spte_changed' | 'kvm_mmu_set_spte' | 'fast_page_fault';
const SOURCES: readonly ChangeSource[] = [
  'kvm_tdp_mmu_spte_changed',
  'kvm_mmu_set_spte',
  'fast_page_fault',
];

export interface SpteChange {
  readonly source: ChangeSource;
  readonly time: number;
  readonly pid: number;
  readonly task: string;
  readonly cpu: number;
  readonly level: number;
  readonly gfn: number;
  /** Undefined where the event does not say it. */
  readonly oldSpte: Spte | undefined;
  readonly newSpte: Spte;
}

export interface ChangeQuery {
  readonly gfn: number;
  /** Later than this. */
  readonly after: number;
  /** By another thread. */
  readonly notBy: number;
  /** Asked about the low half of what it became. */
  readonly suits: (newLow: number) => boolean;
}

export class SpteChanges {
  readonly #time = new Float64Array(SLOTS);
  readonly #gfn = new Float64Array(SLOTS);
  readonly #pid = new Int32Array(SLOTS);
  readonly #cpu = new Int32Array(SLOTS);
  readonly #level = new Uint8Array(SLOTS);
  readonly #source = new Uint8Array(SLOTS);
  readonly #spte = new Int32Array(4 * SLOTS);
  readonly #task: string[] = new Array(SLOTS).fill('');
  #count = 0;

  add(
    { time, pid, cpu, task }: TraceHeader,
    source: ChangeSource,
    place: { readonly gfn: number; readonly level: number },
    newSpte: Spte,
    oldSpte?: Spte,
  ): void {
    const slot = this.#count++ % SLOTS;
    this.#time[slot] = time;
    this.#gfn[slot] = place.gfn;
    this.#level[slot] = place.level;
    this.#pid[slot] = pid;
    this.#cpu[slot] = cpu;
    this.#task[slot] = task;
    this.#source[slot] = SOURCES.indexOf(source);
    const spte = this.#spte;
    spte[4 * slot] = newSpte.low;
    spte[4 * slot + 1] = newSpte.high;
    spte[4 * slot + 2] = oldSpte?.low ?? 0;
    spte[4 * slot + 3] = oldSpte?.high ?? 0;
  }

  /** The latest that suits, of the gfn's own spte or of one above it. */
  latest({ gfn, after, notBy, suits }: ChangeQuery): SpteChange | undefined {
    const oldest = Math.max(0, this.#count - SLOTS);
    for (let n = this.#count - 1; n >= oldest; n--) {
      const slot = n % SLOTS;
      if ((this.#time[slot] as number) < after) return undefined;
      if (!this.#covers(slot, gfn) || this.#pid[slot] === notBy) continue;
      if (suits(this.#spte[4 * slot] as number)) return this.#changeAt(slot);
    }
    return undefined;
  }

  #covers(slot: number, gfn: number): boolean {
    const own = this.#gfn[slot] as number;
    const level = this.#level[slot] as number;
    if (level === 1) return own === gfn;
    const pages = 2 ** ((level - 1) * INDEX_BITS);
    return Math.floor(own / pages) === Math.floor(gfn / pages);
  }

  #changeAt(slot: number): SpteChange {
    const source = SOURCES[this.#source[slot] as number] as ChangeSource;
    const half = (n: number): number => this.#spte[4 * slot + n] as number;
    return {
      source,
      time: this.#time[slot] as number,
      pid: this.#pid[slot] as number,
      task: this.#task[slot] as string,
      cpu: this.#cpu[slot] as number,
      level: this.#level[slot] as number,
      gfn: this.#gfn[slot] as number,
      oldSpte: source === 'kvm_mmu_set_spte' ? undefined : { low: half(2), high: half(3) },
      newSpte: { low: half(0), high: half(1) },
    };
  }
}
