// Faults that end without any change of an spte and come again at once: the vCPU spins, most often because an mmu notifier is at
// work on the page. What the longest spin was says more than their number.
import { PAGE_SIZE } from '@faultline/mmu';
import type { Fault } from './fault.ts';

export interface Spin {
  readonly vcpu: number;
  /** -1 with shadow paging, where only its virtual address is known. */
  readonly gfn: number;
  /** Of the page's first byte, as hardware named it: the guest's physical, with shadow paging virtual; a kernel's are negative. */
  readonly address: number;
  readonly faults: number;
  /** First exit, in the trace's time. */
  readonly began: number;
  /** From the first exit to the last entry, in the trace's time. */
  readonly length: number;
}

interface Open {
  readonly page: number;
  faults: number;
  readonly began: number;
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
  add({ vcpu, kind, gfn, page, began, ended }: Fault): void {
    const open = this.#open.get(vcpu.pid);
    if (kind !== 'retried') {
      if (open !== undefined) this.#open.delete(vcpu.pid);
      return;
    }
    if (open?.page !== page) {
      this.#open.set(vcpu.pid, { page, faults: 1, began });
      return;
    }
    open.faults++;
    const length = ended - open.began;
    if (length <= (this.#longest?.length ?? 0)) return;
    const { faults, began: first } = open;
    const address = PAGE_SIZE * page;
    this.#longest = { vcpu: vcpu.vcpuId, gfn, address, faults, began: first, length };
  }
}
