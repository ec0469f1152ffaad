// What the MMU tells in an act, held against what the trace tells of it.
import { isLastSpte, type MmuEvent } from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';
import type { Act } from './acts/act.ts';
import { adopt } from './adopt.ts';
import { compareEvents } from './compare-events.ts';
import type { Performance } from './conductor.ts';
import { keyOf } from './expected.ts';
import { explain } from './explain.ts';
import type { Ledger } from './ledger.ts';
import type { ReplayedVm } from './replayed-vm.ts';
import type { Rule } from './rules.ts';
import { describe, tellingOf, whereOf } from './telling.ts';
import type { Compared } from './verdicts.ts';

/** Events before and after in which another fault may tell of the same table. */
const NEARBY = 200;

export class Judge {
  /** Faults that left a leaf which the kernel replaced. */
  readonly kept: Set<Act> = new Set();
  readonly #ledger: Ledger;
  readonly #replayed: ReplayedVm;

  constructor(ledger: Ledger, replayed: ReplayedVm) {
    this.#ledger = ledger;
    this.#replayed = replayed;
  }

  /** The MMU tells of something; `position` is where the trace is. */
  hear(performance: Performance, ours: MmuEvent, position: number): void {
    if (ours.event === 'kvm_tdp_mmu_spte_changed') this.#replayed.tables.learn(ours, ours.new_spte);
    const key = keyOf(ours);
    if (key < 0) return;
    const index = performance.expected.take(key);
    if (index !== undefined) this.#compare(index, ours);
    else if (!this.#isToldByAnother(ours, position)) this.#surprise(performance, ours, position);
  }

  #compare(index: number, ours: MmuEvent): void {
    this.#ledger.close(index);
    const { body } = this.#ledger.event(index);
    const kind = body.event as Compared;
    const difference = compareEvents(this.#replayed.words, body, ours);
    if (difference === undefined) this.#ledger.verdicts.agree(kind);
    else {
      this.#ledger.differ(kind, index, difference, this.#ruleForSet(index, ours));
      adopt(this.#replayed, body);
    }
  }

  /** What a fault that leaves the leaf says of it is the leaf as it was. */
  #ruleForSet(index: number, ours: MmuEvent): Rule | undefined {
    const act = this.#ledger.recording.actOf[index];
    if (ours.event !== 'kvm_mmu_set_spte' || act?.kind !== 'fault') return undefined;
    if (act.leaf === undefined || !this.#ledger.isOpen(act.leaf)) return undefined;
    const change = this.#ledger.event(act.leaf).body;
    return change.event === 'kvm_tdp_mmu_spte_changed' ? this.#ruleFor(act, change) : undefined;
  }

  #ruleFor(act: Act | undefined, body: TraceBody): Rule | undefined {
    if (act?.kind !== 'fault') return undefined;
    const rule = explain(this.#replayed, act, body);
    if (rule === 'kept-leaf') this.kept.add(act);
    return rule;
  }

  /** The MMU told of something that the trace does not have. */
  #surprise({ act, undo }: Performance, ours: MmuEvent, position: number): void {
    const where = `${describe(act)}, ${whereOf(ours)}`;
    const said = { expected: 'nothing', got: tellingOf(ours), where };
    this.#ledger.differ(ours.event as Compared, position, said);
    if (ours.event !== 'kvm_tdp_mmu_spte_changed') return;
    const { gfn, level, old_spte, new_spte } = ours;
    if (isLastSpte(new_spte.low, level)) undo.push({ place: { gfn, level }, spte: old_spte });
  }

  /** A table that another fault is said to have linked, which this one found missing. */
  #isToldByAnother(ours: MmuEvent, position: number): boolean {
    if (ours.event !== 'kvm_tdp_mmu_spte_changed' || ours.level === 1) return false;
    for (let index = Math.max(0, position - NEARBY); index < position + NEARBY; index++) {
      const body = this.#ledger.recording.events[index]?.body;
      if (body === undefined) return false;
      if (!this.#ledger.isOpen(index) || keyOf(body) !== keyOf(ours)) continue;
      if (compareEvents(this.#replayed.words, body, ours) !== undefined) return false;
      this.#ledger.close(index);
      const said = { expected: tellingOf(body), got: tellingOf(ours), where: whereOf(ours) };
      this.#ledger.differ('kvm_tdp_mmu_spte_changed', index, said, 'concurrent-tables');
      return true;
    }
    return false;
  }

  /** The trace told of something that the MMU did not do. */
  miss(index: number): void {
    if (!this.#ledger.isOpen(index)) return;
    this.#ledger.close(index);
    const { body } = this.#ledger.event(index);
    const act = this.#ledger.recording.actOf[index];
    const rule = this.#ruleFor(act, body);
    const got = rule === 'kept-leaf' ? 'left as it was' : 'nothing';
    const where = `${act === undefined ? '' : `${describe(act)}, `}${whereOf(body)}`;
    const said = { expected: tellingOf(body), got, where };
    this.#ledger.differ(body.event as Compared, index, said, rule);
    adopt(this.#replayed, body);
  }
}
