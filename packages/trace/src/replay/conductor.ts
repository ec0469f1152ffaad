// Who comes when. The trace's order is carried out event by event; an act that takes long, as a harvest, is begun where the
// trace has it, and the trace goes on meanwhile (hindsight.ts, publications.ts). What the MMU tells is held against what the
// trace tells of the same act (judge.ts).
import type { Memslot, MmuEvent, Spte } from '@faultline/mmu';
import type { Act } from './acts/act.ts';
import type { Recording } from './acts/recording.ts';
import { Expected } from './expected.ts';
import { Hindsight } from './hindsight.ts';
import { Judge } from './judge.ts';
import { Ledger } from './ledger.ts';
import { LogBegins } from './log-begins.ts';
import type { Place } from './page-tables.ts';
import { Publications } from './publications.ts';
import { ReplayedVm } from './replayed-vm.ts';
import type { Survey } from './survey.ts';

/** An act that is being carried out. */
export interface Performance {
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

export class Conductor {
  readonly ledger: Ledger;
  readonly replayed: ReplayedVm;
  readonly judge: Judge;
  readonly hindsight: Hindsight;
  readonly logBegins: LogBegins = new LogBegins();
  /** Ends what the MMU waits for: the invalidations that are open when the memslots change. */
  onWait: () => void = () => {};
  /** Told of each lock that is taken. */
  onLock: (address: number) => void = () => {};
  readonly #perform: Perform;
  readonly #publications: Publications;
  /** The innermost is last. */
  readonly #performances: Performance[] = [];
  #position = 0;

  constructor(recording: Recording, survey: Survey, perform: Perform) {
    this.ledger = new Ledger(recording);
    this.#perform = perform;
    this.replayed = new ReplayedVm(survey, {
      beforeLook: (address) => this.#inAct((of) => this.hindsight.beforeLook(of, address)),
      beforeTake: (address) => this.#inAct((of) => this.hindsight.beforeTake(of, address)),
      beforeLock: (address) => {
        this.onLock(address);
        this.#inAct((of) => this.#publications.beforeLock(of, address));
      },
      onWait: () => this.onWait(),
      onSynchronize: () => this.#inAct((of) => this.#publications.onSynchronize(of)),
    });
    this.judge = new Judge(this.ledger, this.replayed);
    this.hindsight = new Hindsight(this, survey.options.mmu !== 'legacy');
    this.#publications = new Publications(this);
    this.replayed.listen((event) =>
      this.#inAct((of) => this.judge.hear(of, event as unknown as MmuEvent, this.#position)),
    );
  }

  /** Of the innermost act that is being carried out, if any is. */
  #inAct(listen: (performance: Performance) => void): void {
    const performance = this.#performances.at(-1);
    if (performance !== undefined) listen(performance);
  }

  /** All of the trace. */
  run(): void {
    this.goOnTo(this.ledger.recording.events.length);
  }

  /** The next event to come. */
  get position(): number {
    return this.#position;
  }

  carryOut(act: Act, index: number): void {
    const running = act.kind === 'fault' ? act.running : 'guest';
    this.replayed.under(running, () => this.#perform(act, index));
  }

  /** Carries out what comes before the event at `to`, and what lies between it and the one before. */
  goOnTo(to: number): void {
    this.advance(to, () => false);
    this.#performBetween(to);
  }

  /** Carries out events before `to`, but no more once `isEnough` says so; whether it did. */
  advance(to: number, isEnough: (position: number) => boolean): boolean {
    while (this.#position < to) {
      if (isEnough(this.#position)) return true;
      this.#step(this.#position++);
    }
    return false;
  }

  #step(index: number): void {
    this.#performBetween(index);
    const act = this.ledger.recording.actOf[index];
    if (act === undefined) return;
    if (act.state === 'waiting' || act.kind === 'fault') this.carryOut(act, index);
  }

  #performBetween(index: number): void {
    for (const act of this.ledger.recording.between.get(index) ?? []) this.carryOut(act, index);
  }

  /** Runs `body` as `act`; what the MMU tells is compared. Afterwards the page tables are as the trace says. */
  during<Said>(
    act: Act,
    indexes: readonly number[],
    { steered, log }: { readonly steered: boolean; readonly log?: Memslot },
    body: () => Said,
  ): Said {
    const { ledger, judge, replayed } = this;
    const open = indexes.filter((index) => ledger.isOpen(index));
    const expected = new Expected(ledger.recording.events, open);
    const performance: Performance = { act, expected, steered, log, undo: [] };
    this.#performances.push(performance);
    try {
      return body();
    } finally {
      this.#performances.pop();
      for (const index of expected.rest) judge.miss(index);
      for (const { place, spte } of performance.undo) replayed.tables.put(place, spte);
    }
  }

  /** Runs `body`, in which the trace goes on, within the act that is carried out. */
  within(performance: Performance, body: () => void): void {
    this.#performances.push({ ...performance, steered: false, log: undefined });
    try {
      body();
    } finally {
      this.#performances.pop();
    }
  }

  /** A page was written. Did its vCPU know that the slot is logged, if that is just being switched on? */
  noteWritten(gfn: number): void {
    this.logBegins.note(
      gfn,
      this.#performances.map(({ act }) => act),
    );
  }
}
