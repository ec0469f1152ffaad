// Which vCPU made how many pages writable: how the writes are shared among the rings.
import type { TraceEvent } from '../trace-event.ts';

export class Writers {
  /** By thread: only threads of vCPUs enter a guest. */
  readonly #vcpus = new Map<number, number>();
  readonly #pages = new Map<number, number>();

  /** Of every event, before `wrote` of the same one. */
  add({ body, pid }: TraceEvent): void {
    if (body.event !== 'kvm_entry') return;
    this.#vcpus.set(pid, body.vcpu_id);
    if (!this.#pages.has(body.vcpu_id)) this.#pages.set(body.vcpu_id, 0);
  }

  /** Pages that other threads made writable are nobody's. */
  wrote({ pid }: TraceEvent): void {
    const vcpu = this.#vcpus.get(pid);
    if (vcpu !== undefined) this.#pages.set(vcpu, (this.#pages.get(vcpu) ?? 0) + 1);
  }

  /** For each vCPU, by its number; all together 1. Empty: none is known to have written. */
  shares(): number[] {
    const pages = [...this.#pages].sort(([a], [b]) => a - b).map(([, count]) => count);
    const all = pages.reduce((sum, count) => sum + count, 0);
    return all === 0 ? [] : pages.map((count) => count / all);
  }
}
