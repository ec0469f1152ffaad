// What became of each comparison: agreed, explained by a rule of rules.ts, or not explained. Nothing is dropped: what is not
// agreed is kept with its place.
import type { Inference, LeftOut, Rule } from './rules.ts';

/** What is compared, by the name that the table gives it. */
export const COMPARED = [
  'fast_page_fault',
  'fault result',
  'kvm_mmu_spte_requested',
  'kvm_tdp_mmu_spte_changed',
  'kvm_mmu_set_spte',
  'kvm_mmu_split_huge_page',
  'mark_mmio_spte',
  'check_mmio_spte',
  'handle_mmio_page_fault',
  'kvm_mmu_zap_all_fast',
  'kvm_dirty_ring_push',
  'kvm_dirty_ring_reset',
  'kvm_dirty_ring_exit',
  'ring entry',
  'dirty page',
] as const;
export type Compared = (typeof COMPARED)[number];

export interface Difference {
  readonly kind: Compared;
  /** Line of the trace. */
  readonly line: number;
  readonly time: number;
  /** By the trace. */
  readonly expected: string;
  readonly got: string;
  /** Where: a gfn, a vCPU, what was going on. */
  readonly where: string;
  readonly rule?: Rule;
}

export interface Tally {
  readonly agreed: number;
  readonly explained: number;
  readonly unexplained: number;
}

const nothing = (): { agreed: number; explained: number; unexplained: number } => ({
  agreed: 0,
  explained: 0,
  unexplained: 0,
});

export class Verdicts {
  readonly #tallies = new Map(COMPARED.map((kind) => [kind, nothing()]));
  readonly #rules = new Map<Rule, number>();
  readonly #inferences = new Map<Inference, number>();
  readonly #leftOut = new Map<LeftOut, number>();
  readonly unexplained: Difference[] = [];
  readonly explained: Difference[] = [];

  agree(kind: Compared, count = 1): void {
    this.#of(kind).agreed += count;
  }

  differ(difference: Difference): void {
    const { kind, rule } = difference;
    if (rule === undefined) {
      this.#of(kind).unexplained++;
      this.unexplained.push(difference);
      return;
    }
    this.#of(kind).explained++;
    this.#rules.set(rule, (this.#rules.get(rule) ?? 0) + 1);
    this.explained.push(difference);
  }

  /** Something that the trace does not say was concluded from what it does. */
  infer(inference: Inference): void {
    this.#inferences.set(inference, (this.#inferences.get(inference) ?? 0) + 1);
  }

  /** An act that no MMU but the kernel's could carry out. */
  leaveOut(why: LeftOut): void {
    this.#leftOut.set(why, (this.#leftOut.get(why) ?? 0) + 1);
  }

  get tallies(): Readonly<Partial<Record<Compared, Tally>>> {
    const met = [...this.#tallies].filter(([, t]) => t.agreed + t.explained + t.unexplained > 0);
    return Object.fromEntries(met);
  }

  get rules(): Readonly<Partial<Record<Rule, number>>> {
    return Object.fromEntries(this.#rules);
  }

  get inferences(): Readonly<Partial<Record<Inference, number>>> {
    return Object.fromEntries(this.#inferences);
  }

  get leftOut(): Readonly<Partial<Record<LeftOut, number>>> {
    return Object.fromEntries(this.#leftOut);
  }

  #of(kind: Compared) {
    return this.#tallies.get(kind) as ReturnType<typeof nothing>;
  }
}
