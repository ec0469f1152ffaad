// Rounds that nobody noted: a harvest write-protects what it found, and the TDP MMU tells of every page that loses W.
//
// Pages that lose W one after the other are a burst. A round is several of them where its VMM clears the log in pieces, while
// it sends: it ends before the burst in which one of its pages loses W again, or at a long pause.
//
// The first burst is the begin of logging, which protects everything, unless a page of it had been repaired: then the trace
// began in the middle of a migration.
import type { DirtyLogRound } from './dirty-log-round.ts';
import { GfnSet } from './gfn-set.ts';
import { PageChanges } from './page-change.ts';
import type { TraceEvent } from './trace-event.ts';

/** Microseconds without a page losing W. */
const BETWEEN_BURSTS = 1_000;
const BETWEEN_ROUNDS = 100_000;

interface Burst {
  readonly gfns: GfnSet;
  readonly begin: number;
  end: number;
}

export class RoundsFromSptes {
  readonly #pages = new PageChanges();
  readonly rounds: DirtyLogRound[] = [];
  /** Before the first burst. */
  readonly #repaired = new GfnSet();
  /** Only a ring says that it is one. */
  #log: 'ring' | undefined;
  #isLogged = false;
  #round: Burst | undefined;
  #burst: Burst | undefined;
  #watched: number | undefined;

  add({ body, time }: TraceEvent): void {
    if (body.event === 'kvm_dirty_ring_push') this.#log = 'ring';
    const page = this.#pages.of(body);
    if (page === undefined) return;
    if (page.change === 'protected') this.#protect(page.gfn, time);
    else if (body.event === 'fast_page_fault' && this.#isFirst) this.#repaired.add(page.gfn);
  }

  get #isFirst(): boolean {
    return !this.#isLogged && this.#burst === undefined && this.#round === undefined;
  }

  /** After the last event. */
  end(): void {
    this.#endBurst();
    this.#endRound();
  }

  #protect(gfn: number, time: number): void {
    const pause = time - (this.#burst?.end ?? time);
    if (pause > BETWEEN_BURSTS || this.#burst?.gfns.has(gfn)) this.#endBurst();
    if (pause > BETWEEN_ROUNDS || this.#round?.gfns.has(gfn)) this.#endRound();
    this.#burst ??= { gfns: new GfnSet(), begin: time, end: time };
    this.#burst.gfns.add(gfn);
    this.#burst.end = time;
  }

  #endBurst(): void {
    if (this.#burst === undefined) return;
    if (this.#round === undefined) this.#round = this.#burst;
    else {
      this.#round.gfns.addAll(this.#burst.gfns);
      this.#round.end = this.#burst.end;
    }
    this.#burst = undefined;
  }

  #endRound(): void {
    if (this.#round === undefined) return;
    const { gfns, begin, end } = this.#round;
    this.#isLogged ||= this.#hasRepaired(gfns);
    if (this.#isLogged) {
      const unknown = { slot: undefined, npages: undefined, phase: undefined };
      const log = this.#log;
      this.rounds.push({ ...unknown, log, since: this.#watched, begin, end, gfns });
    }
    this.#isLogged = true;
    this.#watched = end;
    this.#round = undefined;
    this.#repaired.clear();
  }

  #hasRepaired(gfns: GfnSet): boolean {
    for (const gfn of gfns) if (this.#repaired.has(gfn)) return true;
    return false;
  }
}
