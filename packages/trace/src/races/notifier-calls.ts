// The last mmu notifier calls, for MMUs that do not trace what they zap: then who unmapped memory is who took the spte.
import type { KvmUnmapHvaRange } from '@faultline/mmu';
import type { TraceHeader } from '../trace-event.ts';

const SLOTS = 256;

export interface NotifierCall {
  readonly time: number;
  readonly pid: number;
  readonly task: string;
  readonly cpu: number;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export class NotifierCalls {
  readonly #ring: NotifierCall[] = [];
  #count = 0;

  add({ time, pid, task, cpu }: TraceHeader, { start, end }: KvmUnmapHvaRange): void {
    this.#ring[this.#count++ % SLOTS] = { time, pid, task, cpu, start, end };
  }

  /** The latest from `after` on that suits. */
  latest(after: number, suits: (call: NotifierCall) => boolean): NotifierCall | undefined {
    const oldest = Math.max(0, this.#count - SLOTS);
    for (let n = this.#count - 1; n >= oldest; n--) {
      const call = this.#ring[n % SLOTS] as NotifierCall;
      if (call.time < after) return undefined;
      if (suits(call)) return call;
    }
    return undefined;
  }
}
