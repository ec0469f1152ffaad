// Who comes when. The trace's order is carried out event by event; an act that takes long, as a harvest, is begun where the
// trace has it, and before the MMU looks at an entry that the kernel changed in it, the trace catches up to that change. What
// the MMU tells meanwhile is held against what the trace tells of the same act.
import type { SharedEvent } from '@faultline/atomics';
import {
  type Gpa,
  gpaToGfn,
  isLastSpte,
  isShadowPresent,
  isUpdateInProgress,
  leadsToTable,
  type Memslot,
  type MmuEvent,
  makeMmioSpte,
  mmioGeneration,
  PAGE_SIZE,
  type Spte,
} from '@faultline/mmu';
import type { TraceBody, TraceEvent } from '../trace-event.ts';
import type { Act, FaultAct } from './act.ts';
import { compareEvents } from './compare-events.ts';
import { changeKey, Expected, keyOf } from './expected.ts';
import { Lanes } from './lanes.ts';
import type { Place } from './page-tables.ts';
import type { Recording } from './recording.ts';
import { ReplayedVm } from './replayed-vm.ts';
import { isKeptLeaf, isOfStaleMmio, type Rule } from './rules.ts';
import { ADDRESS_SPACES, HARDWARE_BITS, isSame, isSameButHardware } from './spte-words.ts';
import type { Survey } from './survey.ts';
import { describe, tellingOf, whereOf } from './telling.ts';
import { type Compared, Verdicts } from './verdicts.ts';

/** An act that is being carried out. */
interface Performance {
  readonly act: Act;
  readonly expected: Expected;
  /** Does the trace catch up before each look? */
  readonly steered: boolean;
  /** The slot whose log it takes. */
  readonly log: Memslot | undefined;
  /** Changes that the kernel did not make: taken back when all is done. */
  readonly undo: { readonly place: Place; readonly spte: Spte }[];
}

/** Carries out the act whose turn it is; `index` is of the event that it is for. */
export type Perform = (act: Act, index: number) => void;

const MOST_STEPS_BACK = 8;

export class Conductor {
  readonly recording: Recording;
  readonly verdicts: Verdicts = new Verdicts();
  readonly replayed: ReplayedVm;
  /** Ends what the MMU waits for: the invalidations that are open when the memslots change. */
  onWait: () => void = () => {};
  /** Faults that left a leaf which the kernel replaced. */
  readonly kept: Set<Act> = new Set();
  readonly #perform: Perform;
  readonly #done: Uint8Array;
  readonly #lanes: Lanes;
  readonly #stack: Performance[] = [];
  readonly #writtenAtBegin = new Set<number>();
  #position = 0;

  constructor(recording: Recording, survey: Survey, perform: Perform) {
    this.recording = recording;
    this.#perform = perform;
    this.#done = new Uint8Array(recording.events.length + 1);
    this.#lanes = new Lanes(recording, survey.options.mmu !== 'legacy');
    this.replayed = new ReplayedVm(survey, {
      beforeLook: (address) => this.#beforeLook(address),
      beforeTake: (address) => this.#beforeTake(address),
      beforeLock: (address) => this.#beforeLock(address),
      onWait: () => this.onWait(),
      onSynchronize: () => this.#onSynchronize(),
    });
    this.replayed.listen((event) => this.#told(event));
  }

  /** All of the trace. */
  run(): void {
    this.#advance(this.recording.events.length);
    this.#performBetween(this.recording.events.length);
  }

  #carryOut(act: Act, index: number): void {
    const running = act.kind === 'fault' ? act.running : 'guest';
    this.replayed.under(running, () => this.#perform(act, index));
  }

  event(index: number): TraceEvent {
    return this.recording.events[index] as TraceEvent;
  }

  close(index: number): void {
    this.#done[index] = 1;
  }

  isOpen(index: number): boolean {
    return this.#done[index] === 0;
  }

  /** Runs `body` as `act`; what the MMU tells is compared. Afterwards the page tables are as the trace says. */
  during<Said>(
    act: Act,
    indexes: readonly number[],
    { steered, log }: { readonly steered: boolean; readonly log?: Memslot },
    body: () => Said,
  ): Said {
    const open = indexes.filter((index) => this.isOpen(index));
    const expected = new Expected(this.recording.events, open);
    const performance: Performance = { act, expected, steered, log, undo: [] };
    this.#stack.push(performance);
    try {
      return body();
    } finally {
      this.#stack.pop();
      for (const index of expected.rest) this.#missed(index);
      for (const { place, spte } of performance.undo) this.replayed.tables.put(place, spte);
    }
  }

  /** What the MMU tells in `body` is not compared. */
  unheard(body: () => void): void {
    const heard = this.#stack.splice(0);
    try {
      body();
    } finally {
      this.#stack.push(...heard);
    }
  }

  differ(
    kind: Compared,
    index: number,
    said: { expected: string; got: string; where: string },
    rule?: Rule,
  ): void {
    const { line, time } = this.event(Math.min(index, this.recording.events.length - 1));
    this.verdicts.differ({ kind, line, time, ...said, ...(rule === undefined ? {} : { rule }) });
  }

  /** The entry of `place` is made to agree with what the trace found there, if it can be told how it came to be so. */
  settle(place: Place, told: Spte, before: number): boolean {
    const found = this.#hastenTo(place, told, before);
    if (found === undefined) return false;
    const want = this.replayed.words.toOurs(told, place.level);
    if (isSame(found, want)) return true;
    this.replayed.tables.put(place, want);
    this.verdicts.infer('hardware-a-d');
    return true;
  }

  /** What stands in the entry once it is as the trace found it, but for A and D that hardware may set by then. */
  #hastenTo(place: Place, told: Spte, before: number): Spte | undefined {
    const { tables, words } = this.replayed;
    const want = words.toOurs(told, place.level);
    for (let step = 0; step < MOST_STEPS_BACK; step++) {
      const now = tables.read(place);
      if (now === undefined) return undefined;
      if (isSameButHardware(now, want) && (now.low & ~want.low & HARDWARE_BITS) === 0) return now;
      if (place.level > 1 || !this.#hasten(place.gfn, before)) return undefined;
    }
    return undefined;
  }

  /** The next change of a page that the trace tells later is carried out now, if its act had begun by then. */
  #hasten(gfn: number, before: number): boolean {
    const { actOf } = this.recording;
    const own = actOf[before];
    const mayHaveCome = (at: number): boolean => {
      const act = actOf[at];
      if (act?.kind !== 'fault' || act === own) return false;
      return act.begin < before && act.state !== 'running';
    };
    const index = this.#lanes.first(gfn, (at) => this.isOpen(at), mayHaveCome);
    if (index === undefined) return false;
    const act = actOf[index] as Act;
    if (index >= before) this.verdicts.infer('told-late');
    this.#carryOut(act, index);
    return !this.isOpen(index);
  }

  /** A page was written. Did its vCPU know that the slot is logged, if that is just being switched on? */
  noteWritten(gfn: number): void {
    const begins = this.#stack.some(({ act }) => {
      const marker = act.kind === 'ioctl' ? act.marker : undefined;
      return marker?.ev === 'memslot' && marker.op === 'flags' && marker.flags !== 0;
    });
    if (begins) this.#writtenAtBegin.add(gfn);
  }

  /** Was the page written while its log was being switched on, and not harvested since? */
  takeWrittenAtBegin(gfn: number): boolean {
    return this.#writtenAtBegin.delete(gfn);
  }

  /** The page was marked by a fault that the trace tells of later, if there is one that had begun. */
  hastenMark(gfn: number, before: number): boolean {
    return this.#hasten(gfn, before);
  }

  /** User space has seen the entry of a fault that the trace has not told of yet. */
  hastenPush(slotId: number, offset: number, before: number): void {
    const slot = this.replayed.slots.find(({ id }) => id === slotId);
    if (slot !== undefined) this.#hasten(slot.baseGfn + offset, before);
  }

  #advance(to: number): void {
    while (this.#position < to) this.#step(this.#position++);
  }

  #performBetween(index: number): void {
    for (const act of this.recording.between.get(index) ?? []) this.#carryOut(act, index);
  }

  #step(index: number): void {
    this.#performBetween(index);
    const act = this.recording.actOf[index];
    if (act === undefined) return;
    if (act.state === 'waiting' || act.kind === 'fault') this.#carryOut(act, index);
  }

  /** Before the MMU looks at an entry that the kernel changes in the same act, the trace comes to that change. */
  #beforeLook(address: number): void {
    const performance = this.#stack.at(-1);
    if (performance === undefined || !performance.steered) return;
    const place = this.replayed.tables.placeOf(address);
    if (place === undefined) return;
    const index = performance.expected.peek(changeKey(place.gfn, place.level));
    if (index !== undefined) this.catchUp(index, place);
  }

  /**
   * A word of the log is taken as early as may be, right after what was done with the one before: a page of it that the kernel
   * protects in this act was in it, so that its fault had marked it by then, wherever the trace tells of that.
   */
  #beforeTake(address: number): void {
    const performance = this.#stack.at(-1);
    if (performance?.log === undefined) return;
    const { vm } = this.replayed;
    const word = (address - vm.at.dirty_bitmap) >> 2;
    if (word < 0 || word * 32 >= vm.hostPages) return;
    const { baseGfn, hvn } = performance.log;
    const unsteered = { ...performance, steered: false, log: undefined };
    for (let page = word * 32; page < word * 32 + 32; page++) {
      const place = { gfn: baseGfn + page - hvn, level: 1 };
      const index = performance.expected.peek(changeKey(place.gfn, 1));
      if (index === undefined) continue;
      const { body } = this.event(index);
      if (body.event !== 'kvm_tdp_mmu_spte_changed') continue;
      this.#stack.push(unsteered);
      this.#hastenTo(place, body.old_spte, index);
      this.#stack.pop();
    }
  }

  /** A slot is published at its place after the last fault that finds no memory there. */
  #beforeLock(address: number): void {
    const performance = this.#stack.at(-1);
    if (performance === undefined || address !== this.replayed.vm.at.mn_invalidate_lock) return;
    const { act } = performance;
    if (act.kind !== 'ioctl' || act.marker.ev !== 'memslot' || act.end === undefined) return;
    const { op } = act.marker;
    // A move is published twice: what is zapped in between is the old place.
    const isArrival =
      op === 'create' || (op === 'move' && !act.decisions.some((at) => this.isOpen(at)));
    if (!isArrival) return;
    const last = this.#lastWithoutMemory(act.marker, act.end);
    if (last === undefined) return;
    this.verdicts.infer('generation-told');
    this.#advanceWithin(performance, last + 1);
  }

  #lastWithoutMemory({ gpa, size }: SlotPlace, end: number): number | undefined {
    const first = Number(gpa) / PAGE_SIZE;
    const { memslots } = this.replayed.vm.at;
    const gen = mmioGeneration(this.replayed.agent.load32(memslots)) * ADDRESS_SPACES;
    for (let index = end - 1; index >= this.#position; index--) {
      const { body } = this.event(index);
      if (body.event !== 'mark_mmio_spte' || body.gen !== gen) continue;
      if (body.gfn >= first && body.gfn < first + size / PAGE_SIZE) return index;
    }
    return undefined;
  }

  #advanceWithin(performance: Performance, to: number): void {
    this.#stack.push({ ...performance, steered: false, log: undefined });
    try {
      this.#advance(to);
      this.#performBetween(to);
    } finally {
      this.#stack.pop();
    }
  }

  /**
   * The memslots are published, and their generation goes on after the grace period, which lasts until the ioctl does what it
   * is for: the trace comes to that.
   */
  #onSynchronize(): void {
    const performance = this.#stack.at(-1);
    if (performance?.act.kind !== 'ioctl' || performance.act.marker.ev !== 'memslot') return;
    const { decisions, end, marker } = performance.act;
    // The legacy MMU does not tell of what it protects: when it did is not known.
    if (!this.replayed.vm.tdpMmuEnabled && marker.op === 'flags') return;
    const next = decisions.find((at) => this.isOpen(at)) ?? end;
    if (next === undefined) return;
    const told = this.#nextGeneration(next);
    if (told !== undefined) this.verdicts.infer('generation-told');
    this.#advanceWithin(performance, told ?? next);
  }

  /** Where a fault that comes before `end` tells of the generation after this one. */
  #nextGeneration(end: number): number | undefined {
    const { agent, vm } = this.replayed;
    const gen = mmioGeneration(agent.load32(vm.at.memslots) + 1) * ADDRESS_SPACES;
    for (let index = this.#position; index < end; index++) {
      const { body } = this.event(index);
      const at = this.recording.actOf[index]?.at ?? 0;
      const tells =
        (body.event === 'mark_mmio_spte' && body.gen === gen) ||
        (body.event === 'check_mmio_spte' && body.kvm_gen === gen);
      if (tells && at >= this.#position) return at;
    }
    return undefined;
  }

  /** Carries out what comes before the change of `place` at `index`. */
  catchUp(index: number, place: Place): void {
    const change = this.event(index).body;
    if (change.event !== 'kvm_tdp_mmu_spte_changed') return;
    this.#stack.push({ ...(this.#stack.at(-1) as Performance), steered: false, log: undefined });
    try {
      while (this.#position < index) {
        if (this.#followsFrom(change, this.#position)) {
          this.verdicts.infer('told-late');
          break;
        }
        this.#step(this.#position++);
      }
      this.settle(place, change.old_spte, index);
    } finally {
      this.#stack.pop();
    }
  }

  /** Has the event at `index` found what this change leaves, and not what is there now? */
  #followsFrom({ gfn, level, new_spte }: ChangeOf, index: number): boolean {
    const { body } = this.event(index);
    if (body.event !== 'fast_page_fault' || !this.isOpen(index) || level !== 1) return false;
    if (Math.floor(body.cr2_or_gpa / 4096) !== gfn) return false;
    const { words, tables } = this.replayed;
    const found = words.toOurs(body.old_spte, 1);
    const now = tables.read({ gfn, level });
    if (now === undefined || isSameButHardware(found, now)) return false;
    return isSameButHardware(found, words.toOurs(new_spte, 1));
  }

  #told(event: SharedEvent): void {
    const performance = this.#stack.at(-1);
    if (performance === undefined) return;
    const body = event as unknown as MmuEvent;
    if (body.event === 'kvm_tdp_mmu_spte_changed') this.replayed.tables.learn(body, body.new_spte);
    const key = keyOf(body);
    if (key < 0) return;
    const index = performance.expected.take(key);
    if (index === undefined) this.#surprised(performance, body);
    else this.#compare(index, body);
  }

  #compare(index: number, ours: MmuEvent): void {
    this.close(index);
    const { body } = this.event(index);
    const kind = body.event as Compared;
    const difference = compareEvents(this.replayed.words, body, ours);
    if (difference === undefined) this.verdicts.agree(kind);
    else {
      this.differ(kind, index, difference, this.#ruleForSet(index, ours));
      this.adopt(body);
    }
  }

  /** What a fault that leaves the leaf says of it is the leaf as it was. */
  #ruleForSet(index: number, ours: MmuEvent): Rule | undefined {
    const act = this.recording.actOf[index];
    if (ours.event !== 'kvm_mmu_set_spte' || act?.kind !== 'fault') return undefined;
    const change = act.leaf === undefined ? undefined : this.event(act.leaf).body;
    if (change?.event !== 'kvm_tdp_mmu_spte_changed' || !this.isOpen(act.leaf as number))
      return undefined;
    return this.#ruleFor(change, act);
  }

  /** The MMU told of something that the trace does not have. */
  #surprised({ act, undo }: Performance, ours: MmuEvent): void {
    if (this.#wasToldByAnother(ours)) return;
    const at = Math.min(this.#position, this.recording.events.length - 1);
    const where = `${describe(act)}, ${whereOf(ours)}`;
    const kind = ours.event as Compared;
    this.differ(kind, at, { expected: 'nothing', got: tellingOf(ours), where });
    if (ours.event !== 'kvm_tdp_mmu_spte_changed') return;
    const { gfn, level, old_spte, new_spte } = ours;
    if (isLastSpte(new_spte.low, level)) undo.push({ place: { gfn, level }, spte: old_spte });
  }

  /** A table that another fault is said to have linked, which this one found missing. */
  #wasToldByAnother(ours: MmuEvent): boolean {
    if (ours.event !== 'kvm_tdp_mmu_spte_changed' || ours.level === 1) return false;
    for (let index = Math.max(0, this.#position - 200); index < this.#position + 200; index++) {
      const body = this.recording.events[index]?.body;
      if (body === undefined) return false;
      if (!this.isOpen(index) || keyOf(body) !== keyOf(ours)) continue;
      if (compareEvents(this.replayed.words, body, ours) !== undefined) return false;
      this.close(index);
      const said = { expected: tellingOf(body), got: tellingOf(ours), where: whereOf(ours) };
      this.differ('kvm_tdp_mmu_spte_changed', index, said, 'concurrent-tables');
      return true;
    }
    return false;
  }

  /** The trace told of something that the MMU did not do. */
  #missed(index: number): void {
    if (!this.isOpen(index)) return;
    this.close(index);
    const { body } = this.event(index);
    const act = this.recording.actOf[index];
    const rule = this.#ruleFor(body, act);
    const where = `${act === undefined ? '' : `${describe(act)}, `}${whereOf(body)}`;
    this.differ(
      body.event as Compared,
      index,
      {
        expected: tellingOf(body),
        got: rule === 'kept-leaf' ? 'left as it was' : 'nothing',
        where,
      },
      rule,
    );
    this.adopt(body);
  }

  #ruleFor(body: TraceBody, act: Act | undefined): Rule | undefined {
    if (act?.kind !== 'fault') return undefined;
    if (this.#findsUpdate(act, body)) return 'memslots-in-update';
    const { words, tables, vm } = this.replayed;
    if (body.event === 'kvm_mmu_set_spte' && !vm.tdpMmuEnabled) {
      // The legacy MMU tells of the new leaf alone.
      const old_spte = tables.read({ gfn: body.gfn, level: body.level });
      const new_spte = words.toOurs(body.spte, body.level);
      if (old_spte === undefined || isSame(old_spte, new_spte)) return undefined;
      if (!isKeptLeaf({ old_spte, new_spte, level: body.level }, act.fault.error_code))
        return undefined;
      this.kept.add(act);
      return 'kept-leaf';
    }
    if (body.event !== 'kvm_tdp_mmu_spte_changed') return undefined;
    const now = tables.read({ gfn: body.gfn, level: body.level });
    if (now === undefined || !isSame(now, words.toOurs(body.old_spte, body.level)))
      return undefined;
    if (!isKeptLeaf(body, act.fault.error_code)) return undefined;
    this.kept.add(act);
    return 'kept-leaf';
  }

  /** Has it no memory, and are the memslots being replaced, so that this MMU leaves nothing? */
  #findsUpdate({ fault }: FaultAct, body: TraceBody): boolean {
    const { agent, vm } = this.replayed;
    const memslots = agent.load32(vm.at.memslots);
    if (!isUpdateInProgress(memslots)) return false;
    if (this.replayed.slotOf(gpaToGfn(fault.fault_address as Gpa)) !== undefined) return false;
    return isOfStaleMmio(body, mmioGeneration(memslots) * ADDRESS_SPACES);
  }

  /** The legacy MMU tells of no change beside it. */
  #adoptMmio({ gfn, gen }: MarkMmioSpte): void {
    const { tables, vm } = this.replayed;
    if (!vm.tdpMmuEnabled) tables.put({ gfn, level: 1 }, makeMmioSpte(gen / ADDRESS_SPACES, gfn));
  }

  /** The page tables become what the trace says. */
  adopt(body: TraceBody): void {
    if (body.event === 'mark_mmio_spte') this.#adoptMmio(body);
    if (body.event !== 'kvm_tdp_mmu_spte_changed') return;
    const { tables, words } = this.replayed;
    const { gfn, level, old_spte, new_spte } = body;
    if (level > 1 && leadsToTable(new_spte.low)) {
      // A table of the kernel's. Where none was it is empty; else nobody knows what is in it.
      if (isShadowPresent(old_spte.low)) return;
      tables.reach({ gfn, level: level - 1 });
      words.pairTables(new_spte, tables.read({ gfn, level }) as Spte);
      return;
    }
    tables.put({ gfn, level }, words.toOurs(new_spte, level));
  }
}

type MarkMmioSpte = Extract<TraceBody, { event: 'mark_mmio_spte' }>;
type SlotPlace = { readonly gpa: string; readonly size: number };
type ChangeOf = Extract<TraceBody, { event: 'kvm_tdp_mmu_spte_changed' }>;
