// A race: the spte of a fault changed between the hardware's look at it and the fast path's.
import type { Spte } from '@faultline/mmu';
import type { FaultKind } from '../report/fault-kind.ts';
import type { SpteLayout } from '../spte/spte-view.ts';
import type { NotifierCall } from './notifier-calls.ts';
import type { SpteChange } from './spte-changes.ts';

export interface RaceDescription {
  readonly label: string;
  readonly meaning: string;
}

export type RaceKind = 'withdrawn' | 'changed' | 'repaired' | 'protected_again';

export const RACE_KINDS: Readonly<Record<RaceKind, RaceDescription>> = {
  withdrawn: {
    label: 'right withdrawn in flight',
    meaning:
      'hardware found the page present, the fast path found nothing: the race of the 2012 review. ' +
      'It loses safely, because it tests and exchanges one whole word.',
  },
  changed: {
    label: 'spte changed in flight',
    meaning: 'zapped and mapped again, split, or aged: the fast path judged the new word alone.',
  },
  repaired: {
    label: 'repaired by another vCPU first',
    meaning: 'the fast path found W set (spurious) and let the guest try again.',
  },
  protected_again: {
    label: 'fixed, and protected again at once',
    meaning: 'a harvest came between the exchange and the event; the page is in the next log.',
  },
};

export const raceKinds: readonly RaceKind[] = Object.keys(RACE_KINDS) as RaceKind[];

export interface Race {
  readonly kind: RaceKind;
  /** Of the fast path's event. */
  readonly time: number;
  readonly gfn: number;
  readonly vcpuId: number;
  readonly pid: number;
  readonly task: string;
  readonly cpu: number;
  /** Last entry before, NaN if not traced; exit; next entry, NaN if not traced. */
  readonly enteredAt: number;
  readonly began: number;
  /** Whether the fault began with kvm_exit: else with the first event that the trace has of it. */
  readonly hasExit: boolean;
  readonly ended: number;
  readonly faultKind: FaultKind;
  /** How the sptes are written. */
  readonly layout: SpteLayout;
  /** What the fast path found, and what was there when its event was made. */
  readonly oldSpte: Spte;
  readonly newSpte: Spte;
  /** Who changed the spte, where the trace tells. */
  readonly change: SpteChange | undefined;
  /** The notifier call that it came from; of MMUs that trace no zap, the only witness. */
  readonly notifier: NotifierCall | undefined;
  /** Could the fast path have fixed what hardware had seen? Undefined where the trace does not tell what that was. */
  readonly wasFixable: boolean | undefined;
  /** The notifier's range is known to hold the page. */
  readonly isNotifierCertain: boolean;
}
