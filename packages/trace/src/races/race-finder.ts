// Finds every fault whose spte changed between the hardware's look and the fast path's, in one pass and bounded memory.
//
// Hardware looked after the vCPU's last entry. So where it found the page present (P) and the fast path found nothing, the
// change lies between that entry and the fast path's event, even if its event comes before kvm_exit's: the exit takes time.
import { isShadowPresent, isWritable } from '@faultline/mmu';
import type { Fault } from '../report/fault.ts';
import { type SpteLayout, viewSpte } from '../spte/spte-view.ts';
import type { TraceEvent } from '../trace-event.ts';
import { Memslots } from './memslots.ts';
import { type NotifierCall, NotifierCalls } from './notifier-calls.ts';
import type { Race, RaceKind } from './race.ts';
import { type SpteChange, SpteChanges } from './spte-changes.ts';

/** Of each kind the first so many are kept; all are counted. */
const KEPT = 200;
/**
 * Without memslots nobody can say what a call was about; one that is this much older than a zap is taken for another matter's.
 * In the trace's time: a millisecond, where that is microseconds.
 */
const CALL_BEFORE_ZAP = 1000;

const PAGE_SIZE = 4096;

export class RaceFinder {
  readonly kept: Race[] = [];
  readonly counts: Record<RaceKind, number> = {
    withdrawn: 0,
    changed: 0,
    repaired: 0,
    protected_again: 0,
  };
  readonly #changes = new SpteChanges();
  readonly #calls = new NotifierCalls();
  readonly #memslots = new Memslots();
  /** By the pid of the vCPU whose fault is still open. */
  readonly #open = new Map<number, Omit<Race, 'ended' | 'faultKind'>>();
  #tracesTdp = false;

  /** Every event, after the fault tracker has seen it. */
  add(event: TraceEvent): void {
    const { body } = event;
    switch (body.event) {
      case 'kvm_tdp_mmu_spte_changed':
        this.#tracesTdp = true;
        this.#changes.add(event, body.event, body, body.new_spte, body.old_spte);
        break;
      case 'fast_page_fault':
        if (body.fixed) {
          const place = { gfn: Math.floor(body.cr2_or_gpa / PAGE_SIZE), level: 1 };
          this.#changes.add(event, body.event, place, body.new_spte, body.old_spte);
        }
        break;
      case 'kvm_mmu_set_spte':
        // The TDP MMU says the same with the old value.
        if (!this.#tracesTdp) this.#changes.add(event, body.event, body, body.spte);
        break;
      case 'kvm_unmap_hva_range':
        this.#calls.add(event, body);
        break;
      case 'marker':
        this.#memslots.add(event);
        break;
    }
  }

  /** The fast path of an open fault has looked. */
  looked(fault: Fault, layout: SpteLayout): void {
    const found = this.#judge(fault);
    if (found === undefined) return;
    const { vcpu, gfn, lookedAt: time, enteredAt, began, oldSpte, newSpte } = fault;
    this.#open.set(vcpu.pid, {
      kind: found.kind,
      time,
      gfn,
      vcpuId: vcpu.vcpuId,
      pid: vcpu.pid,
      task: vcpu.task,
      cpu: fault.cpu,
      enteredAt,
      began,
      hasExit: !Number.isNaN(fault.exitedAt),
      oldSpte,
      newSpte,
      change: found.change,
      layout,
      wasFixable: wasFixable(found, layout),
      ...this.#witness(fault, found),
    });
  }

  /** Its fault is over; what is not wanted is forgotten. */
  ended({ vcpu, ended, kind }: Fault, isWanted: boolean): void {
    const open = this.#open.get(vcpu.pid);
    if (open === undefined) return;
    this.#open.delete(vcpu.pid);
    if (isWanted && ++this.counts[open.kind] <= KEPT) {
      this.kept.push({ ...open, ended, faultKind: kind });
    }
  }

  #judge(fault: Fault): { kind: RaceKind; change: SpteChange | undefined } | undefined {
    const { gfn, oldSpte, newSpte, vcpu, began, look } = fault;
    const latest = (after: number, suits: (low: number) => boolean): SpteChange | undefined =>
      this.#changes.latest({ gfn, after, notBy: vcpu.pid, suits });
    if (look === 'gone') {
      if (!fault.isPresent) return undefined;
      return {
        kind: 'withdrawn',
        change: latest(hardwareFrom(fault), (low) => !isShadowPresent(low)),
      };
    }
    if (look === undefined && isWritable(oldSpte.low)) {
      const change = latest(hardwareFrom(fault), isWritable);
      return change === undefined ? undefined : { kind: 'repaired', change };
    }
    const change = latest(began, () => true);
    // Fixed by another since: that one found it protected again, so this exchange came before and its event comes late.
    const isFixedSince = change !== undefined && isWritable(change.newSpte.low);
    if (look === undefined && (isFixedSince || !isWritable(newSpte.low))) {
      return { kind: 'protected_again', change: latest(began, (low) => !isWritable(low)) };
    }
    return change === undefined ? undefined : { kind: 'changed', change };
  }

  /** The notifier call behind a withdrawal. */
  #witness(
    fault: Fault,
    { kind, change }: { readonly kind: RaceKind; readonly change: SpteChange | undefined },
  ): Pick<Race, 'notifier' | 'isNotifierCertain'> {
    if (kind !== 'withdrawn') return { notifier: undefined, isNotifierCertain: false };
    const hva = this.#memslots.hvaOf(fault.gfn);
    const holdsPage = ({ start, end }: NotifierCall): boolean =>
      hva === undefined || (start <= hva && hva < end);
    const notifier =
      change === undefined
        ? this.#calls.latest(
            hardwareFrom(fault),
            (call) => call.pid !== fault.vcpu.pid && holdsPage(call),
          )
        : this.#calls.latest(
            hva === undefined ? change.time - CALL_BEFORE_ZAP : 0,
            (call) => call.pid === change.pid && call.time <= change.time && holdsPage(call),
          );
    return { notifier, isNotifierCertain: notifier !== undefined && hva !== undefined };
  }
}

/** The earliest that hardware can have looked. */
const hardwareFrom = ({ enteredAt, began }: Fault): number =>
  Number.isNaN(enteredAt) ? began : enteredAt;

/** A word that is MMU-writable is all that the fast path asks for. */
function wasFixable(
  { kind, change }: { readonly kind: RaceKind; readonly change: SpteChange | undefined },
  layout: SpteLayout,
): boolean | undefined {
  if (kind !== 'withdrawn' || change?.oldSpte === undefined) return undefined;
  return viewSpte(change.oldSpte, change.level, layout).mmuWritable;
}
