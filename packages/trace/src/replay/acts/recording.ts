// The events of a trace that a replay needs, and the acts that they belong to. In memory, which is about half of a trace's
// events: an act can only be carried out when it is known how it ended.
import type { TraceEvent } from '../../trace-event.ts';
import type { Act } from './act.ts';

export class Recording {
  readonly events: TraceEvent[] = [];
  /** Beside `events`: what each belongs to. */
  readonly actOf: (Act | undefined)[] = [];
  /** Acts that are carried out before an event of another: faults that ended without any decision, memslots published late. */
  readonly between: Map<number, Act[]> = new Map<number, Act[]>();
  /** Were there tables that shadow the guest's own? */
  isIndirect = false;

  push(event: TraceEvent, act?: Act): void {
    this.events.push(event);
    this.actOf.push(act);
  }

  moveBetween(act: Act, at: number): void {
    act.at = at;
    const others = this.between.get(at);
    if (others === undefined) this.between.set(at, [act]);
    else others.push(act);
  }
}
