// Exits because a log of dirty pages is full: the vCPU waits until somebody has made room in its ring (KVM_EXIT_DIRTY_RING_FULL),
// or until KVM has emptied hardware's buffer (PML). No page fault, and yet the dirty log's stall.
import type { TraceEvent } from '../trace-event.ts';

export interface LogFull {
  readonly ringExits: number;
  readonly pmlExits: number;
  /** From the exits' events to the next entries, in the report's unit. */
  readonly stall: number;
}

export class LogFullTally {
  ringExits = 0;
  pmlExits = 0;
  /** In the trace's time. */
  stall = 0;
  /** By pid: since when its log is full. */
  readonly #since = new Map<number, number>();

  add({ pid, time, body }: TraceEvent): void {
    if (body.event === 'kvm_dirty_ring_exit') this.ringExits++;
    else if (body.event === 'kvm_pml_full') this.pmlExits++;
    else {
      if (body.event === 'kvm_entry') this.#enter(pid, time);
      return;
    }
    if (!this.#since.has(pid)) this.#since.set(pid, time);
  }

  #enter(pid: number, time: number): void {
    const since = this.#since.get(pid);
    if (since === undefined) return;
    this.stall += time - since;
    this.#since.delete(pid);
  }
}
