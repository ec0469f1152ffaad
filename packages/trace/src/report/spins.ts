// Faults that end without any change of an spte and come again at once: the vCPU spins, most often because an mmu notifier is at
// work on the page. What the longest spin was says more than their number.
import type { Fault } from './fault.ts';

export interface Spin {
  readonly vcpu: number;
  readonly gfn: number;
  readonly faults: number;
  /** First exit, in the trace's time. */
  readonly began: number;
  /** From the first exit to the last entry, in the trace's time. */
  readonly length: number;
}

interface Open {
  gfn: number;
  faults: number;
  began: number;
  ended: number;
}

export class Spins {
  #longest: Spin | undefined;
  /** By the vCPU's pid. */
  readonly #open = new Map<number, Open>();

  /** Undefined where no vCPU faulted twice in a row for nothing. */
  get longest(): Spin | undefined {
    return this.#longest;
  }

  /** Faults that ended, in the order of each vCPU. */
  add({ vcpu, kind, gfn, began, ended }: Fault): void {
    const open = this.#open.get(vcpu.pid);
    if (kind !== 'retried') {
      if (open !== undefined) this.#open.delete(vcpu.pid);
      return;
    }
    if (open === undefined || open.gfn !== gfn) {
      this.#open.set(vcpu.pid, { gfn, faults: 1, began, ended });
      return;
    }
    open.faults++;
    open.ended = ended;
    const length = ended - open.began;
    if (length > (this.#longest?.length ?? 0)) {
      this.#longest = { vcpu: vcpu.vcpuId, gfn, faults: open.faults, began: open.began, length };
    }
  }
}
