// Rounds of a VMM that wrote no markers, from its system calls: which call harvests is in their numbers, which slot is not.
//
// What a harvest found is what its thread then takes W from. The legacy and the shadow MMU do not tell of that: there it is
// every page that became writable since the harvest before, and the first harvest of several slots gets all of it.
import type { DirtyLogKind, DirtyLogRound } from './dirty-log-round.ts';
import { GfnSet } from './gfn-set.ts';
import { PageChanges } from './page-change.ts';
import type { TraceEvent } from './trace-event.ts';

const KVM_GET_DIRTY_LOG = 0x4010ae42;
const KVM_CLEAR_DIRTY_LOG = 0xc018aec0;
const KVM_RESET_DIRTY_RINGS = 0xaec7;
const KVM_SET_USER_MEMORY_REGION = 0x4020ae46;
const KVM_SET_USER_MEMORY_REGION2 = 0x40a0ae49;

/** Whether an ioctl of this number takes dirty pages from the log, or protects them again. */
export const isHarvest = (cmd: number): boolean =>
  cmd === KVM_GET_DIRTY_LOG || cmd === KVM_CLEAR_DIRTY_LOG || cmd === KVM_RESET_DIRTY_RINGS;

/** Microseconds: a harvest that comes so soon after another, and finds other pages, is of another slot. */
const SAME_PASS = 20_000;

interface Draft {
  log: DirtyLogKind;
  readonly since: number | undefined;
  readonly begin: number;
  end: number;
  /** That lost W in it. */
  readonly protected: GfnSet;
  /** That became writable before it. */
  readonly written: GfnSet;
}

export class RoundsFromIoctls {
  readonly #pages = new PageChanges();
  readonly #drafts: Draft[] = [];
  #written = new GfnSet();
  #isProtectionTraced = false;
  #watched: number | undefined;
  /** The thread in a call that may protect pages, and the round that they belong to; none while logging begins. */
  #caller: { readonly pid: number; readonly draft: Draft | undefined } | undefined;

  /** Whether any harvest was seen. */
  get hasRounds(): boolean {
    return this.#drafts.length > 0;
  }

  add({ body, time, pid }: TraceEvent): void {
    if (body.event === 'sys_enter_ioctl') this.#call(body.cmd, pid, time);
    const page = this.#pages.of(body);
    if (page?.change === 'written') this.#written.add(page.gfn);
    else if (page !== undefined) this.#protect(page.gfn, pid, time);
  }

  end(): DirtyLogRound[] {
    const rounds: DirtyLogRound[] = [];
    for (const { protected: lost, written, ...draft } of this.#drafts) {
      const gfns = this.#isProtectionTraced ? lost : written;
      const before = rounds.at(-1);
      if (before !== undefined && isSamePass(before, draft.begin, gfns)) {
        before.gfns.addAll(gfns);
        rounds[rounds.length - 1] = { ...before, end: draft.end };
        continue;
      }
      rounds.push({ ...draft, gfns, slot: undefined, npages: undefined, phase: undefined });
    }
    return rounds;
  }

  #call(cmd: number, pid: number, time: number): void {
    if (cmd === KVM_GET_DIRTY_LOG) this.#open('bitmap', pid, time);
    else if (cmd === KVM_RESET_DIRTY_RINGS) this.#open('ring', pid, time);
    else if (cmd === KVM_CLEAR_DIRTY_LOG) this.#clear(pid, time);
    else if (cmd === KVM_SET_USER_MEMORY_REGION || cmd === KVM_SET_USER_MEMORY_REGION2) {
      this.#begin(pid, time);
    } else if (pid === this.#caller?.pid) this.#caller = undefined;
  }

  /** Logging may begin, or end: either way what was written before is of no round. */
  #begin(pid: number, time: number): void {
    this.#written = new GfnSet();
    this.#watched = time;
    this.#caller = { pid, draft: undefined };
  }

  #open(log: DirtyLogKind, pid: number, time: number): void {
    const times = { since: this.#watched, begin: time, end: time };
    const draft: Draft = { log, ...times, protected: new GfnSet(), written: this.#written };
    this.#drafts.push(draft);
    this.#written = new GfnSet();
    this.#watched = time;
    this.#caller = { pid, draft };
  }

  #clear(pid: number, time: number): void {
    const draft = this.#drafts.at(-1);
    if (draft === undefined) return;
    draft.log = 'manual';
    draft.end = time;
    this.#watched = time;
    this.#caller = { pid, draft };
  }

  #protect(gfn: number, pid: number, time: number): void {
    this.#isProtectionTraced = true;
    if (pid !== this.#caller?.pid) return;
    const { draft } = this.#caller;
    this.#watched = time;
    if (draft === undefined) return;
    draft.protected.add(gfn);
    draft.end = time;
  }
}

function isSamePass(before: DirtyLogRound, begin: number, gfns: GfnSet): boolean {
  if (begin - before.end > SAME_PASS) return false;
  for (const gfn of gfns) if (before.gfns.has(gfn)) return false;
  return true;
}
