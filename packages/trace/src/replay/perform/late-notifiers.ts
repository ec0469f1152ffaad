// Notifiers that get mmu_lock late: an event tells that a range is withdrawn, and what others do before it is zapped comes first.
import { isShadowPresent } from '@faultline/mmu';
import type { Act, NotifierAct } from '../acts/act.ts';
import type { Conductor } from '../conductor.ts';
import type { HostMemory } from '../host-memory.ts';
import { isSame } from '../spte-words.ts';

/** Pages of a range that are looked at: two tasks withdraw the same few at once, not all of memory. */
const MOST_PAGES = 512;
/** Events in which others may come first. */
const MOST_EVENTS = 256;

export class LateNotifiers {
  readonly #conductor: Conductor;
  readonly #host: HostMemory;
  readonly #invalidate: (act: NotifierAct) => void;
  /** By task. */
  readonly #late = new Map<number, NotifierAct>();

  constructor(conductor: Conductor, host: HostMemory, invalidate: (act: NotifierAct) => void) {
    this.#conductor = conductor;
    this.#host = host;
    this.#invalidate = invalidate;
  }

  /** Is it to come later? Then it does, when its task goes on. */
  keep(act: NotifierAct): boolean {
    if (act.kind !== 'unmap' || act.decisions.length > 0) return false;
    const mapped = this.#mappedIn(act);
    if (mapped.size === 0) return false;
    // In the TDP MMU, who withdraws the same pages has told of the zap. The legacy MMU tells of none.
    if (!this.#conductor.replayed.vm.tdpMmuEnabled && !this.#isFoundMapped(act, mapped))
      return false;
    this.#late.set(act.pid, act);
    return true;
  }

  end({ pid }: Pick<Act, 'pid'>): void {
    const late = this.#late.get(pid);
    if (late === undefined) return;
    this.#late.delete(pid);
    this.#conductor.ledger.verdicts.infer('lock-taken-late');
    this.#invalidate(late);
  }

  endAll(): void {
    for (const late of [...this.#late.values()]) this.end(late);
  }

  #mappedIn({ start, end }: NotifierAct): Set<number> {
    const { slots, tables } = this.#conductor.replayed;
    const mapped = new Set<number>();
    for (const { hvn, count } of this.#host.within(start, end)) {
      for (const { baseGfn, npages, hvn: first } of slots) {
        const from = Math.max(hvn, first);
        const to = Math.min(hvn + count, first + npages, from + MOST_PAGES);
        for (let page = from; page < to; page++) {
          const gfn = baseGfn + page - first;
          if (isShadowPresent(tables.read({ gfn, level: 1 })?.low ?? 0)) mapped.add(gfn);
        }
      }
    }
    return mapped;
  }

  /** Does a look without the lock find one of the leaves still there, before its task goes on and before it is set anew? */
  #isFoundMapped(act: NotifierAct, mapped: ReadonlySet<number>): boolean {
    const { events } = this.#conductor.ledger.recording;
    const { tables, words } = this.#conductor.replayed;
    const unset = new Set(mapped);
    for (const { body, pid } of events.slice(act.at + 1, act.at + 1 + MOST_EVENTS)) {
      if (pid === act.pid) return false;
      if (body.event === 'kvm_mmu_set_spte') unset.delete(body.gfn);
      if (body.event !== 'fast_page_fault') continue;
      const gfn = Math.floor(body.cr2_or_gpa / 4096);
      const now = unset.has(gfn) ? tables.read({ gfn, level: 1 }) : undefined;
      if (now !== undefined && isSame(now, words.toOurs(body.old_spte, 1))) return true;
    }
    return false;
  }
}
