// What came before, though it is told later. An event shows what it found: if that is not what is here, a change of a fault that
// had begun by then is carried out first. And before the MMU looks at an entry that the kernel changed in the same act, the
// trace comes to that change.
import type { Spte } from '@faultline/mmu';
import type { TraceBody } from '../trace-event.ts';
import type { Act } from './acts/act.ts';
import { Lanes } from './acts/lanes.ts';
import type { Conductor, Performance } from './conductor.ts';
import { changeKey } from './expected.ts';
import type { Place } from './page-tables.ts';
import { HARDWARE_BITS, isSame, isSameButHardware } from './spte-words.ts';

const MOST_STEPS_BACK = 8;

export class Hindsight {
  readonly #conductor: Conductor;
  readonly #lanes: Lanes;

  constructor(conductor: Conductor, tellsChanges: boolean) {
    this.#conductor = conductor;
    this.#lanes = new Lanes(conductor.ledger.recording, tellsChanges);
  }

  /** The entry of `place` is made to agree with what the trace found there, if it can be told how it came to be so. */
  settle(place: Place, told: Spte, before: number): boolean {
    const found = this.#hastenTo(place, told, before);
    if (found === undefined) return false;
    const { replayed, ledger } = this.#conductor;
    const want = replayed.words.toOurs(told, place.level);
    if (isSame(found, want)) return true;
    replayed.tables.put(place, want);
    ledger.verdicts.infer('hardware-a-d');
    return true;
  }

  /** What stands in the entry once it is as the trace found it, but for A and D that hardware may set by then. */
  #hastenTo(place: Place, told: Spte, before: number): Spte | undefined {
    const { tables, words } = this.#conductor.replayed;
    const want = words.toOurs(told, place.level);
    for (let step = 0; step < MOST_STEPS_BACK; step++) {
      const now = tables.read(place);
      if (now === undefined) return undefined;
      if (isSameButHardware(now, want) && (now.low & ~want.low & HARDWARE_BITS) === 0) return now;
      if (place.level > 1 || !this.hasten(place.gfn, before)) return undefined;
    }
    return undefined;
  }

  /** The next change of a page that the trace tells later is carried out now, if its fault had begun by then; whether it was. */
  hasten(gfn: number, before: number): boolean {
    const { ledger } = this.#conductor;
    const { actOf } = ledger.recording;
    const own = actOf[before];
    const mayHaveCome = (at: number): boolean => {
      const act = actOf[at];
      if (act?.kind !== 'fault' || act === own) return false;
      return act.begin < before && act.state !== 'running';
    };
    const index = this.#lanes.first(gfn, (at) => ledger.isOpen(at), mayHaveCome);
    if (index === undefined) return false;
    if (index >= before) ledger.verdicts.infer('told-late');
    this.#conductor.carryOut(actOf[index] as Act, index);
    return !ledger.isOpen(index);
  }

  /** Of an entry that the kernel changes in the same act. */
  beforeLook(performance: Performance, address: number): void {
    if (!performance.steered) return;
    const place = this.#conductor.replayed.tables.placeOf(address);
    if (place === undefined) return;
    const index = performance.expected.peek(changeKey(place.gfn, place.level));
    if (index !== undefined) this.#catchUp(performance, index, place);
  }

  /**
   * A word of the log is taken as early as may be, right after what was done with the one before: a page of it that the kernel
   * protects in this act was in it, so that its fault had marked it by then, wherever the trace tells of that.
   */
  beforeTake(performance: Performance, address: number): void {
    if (performance.log === undefined) return;
    const { vm } = this.#conductor.replayed;
    const word = (address - vm.at.dirty_bitmap) >> 2;
    if (word < 0 || word * 32 >= vm.hostPages) return;
    const { baseGfn, hvn } = performance.log;
    for (let page = word * 32; page < word * 32 + 32; page++) {
      const place = { gfn: baseGfn + page - hvn, level: 1 };
      const index = performance.expected.peek(changeKey(place.gfn, 1));
      if (index === undefined) continue;
      const { body } = this.#conductor.ledger.event(index);
      if (body.event !== 'kvm_tdp_mmu_spte_changed') continue;
      this.#conductor.within(performance, () => this.#hastenTo(place, body.old_spte, index));
    }
  }

  /** Carries out what comes before the change of `place` at `index`. */
  #catchUp(performance: Performance, index: number, place: Place): void {
    const conductor = this.#conductor;
    const change = conductor.ledger.event(index).body;
    if (change.event !== 'kvm_tdp_mmu_spte_changed') return;
    conductor.within(performance, () => {
      const isFollowed = conductor.advance(index, (position) =>
        this.#followsFrom(change, position),
      );
      if (isFollowed) conductor.ledger.verdicts.infer('told-late');
      this.settle(place, change.old_spte, index);
    });
  }

  /** Has the event at `index` found what this change leaves, and not what is there now? */
  #followsFrom({ gfn, level, new_spte }: ChangeOf, index: number): boolean {
    const { ledger, replayed } = this.#conductor;
    const { body } = ledger.event(index);
    if (body.event !== 'fast_page_fault' || !ledger.isOpen(index) || level !== 1) return false;
    if (Math.floor(body.cr2_or_gpa / 4096) !== gfn) return false;
    const { words, tables } = replayed;
    const found = words.toOurs(body.old_spte, 1);
    const now = tables.read({ gfn, level });
    if (now === undefined || isSameButHardware(found, now)) return false;
    return isSameButHardware(found, words.toOurs(new_spte, 1));
  }
}

type ChangeOf = Extract<TraceBody, { event: 'kvm_tdp_mmu_spte_changed' }>;
