// Who takes guest memory away under the VM: mmu notifier calls by the name of the thread that made them.
import type { TraceEvent } from '../trace-event.ts';

/** Names that are told apart; more are counted together. */
const MOST = 1024;
const OTHERS = '(others)';

export interface NotifierRow {
  readonly task: string;
  readonly calls: number;
  readonly bytes: number;
}

export class NotifierTally {
  readonly #rows = new Map<string, { task: string; calls: number; bytes: number }>();

  /** `isVcpu`: the thread runs the guest, and takes pages from itself by copying them. */
  add({ task, body }: TraceEvent, isVcpu: boolean): void {
    if (body.event !== 'kvm_unmap_hva_range') return;
    const row = this.#row(isVcpu ? 'vCPUs (copy-on-write)' : task);
    row.calls++;
    row.bytes += body.end - body.start;
  }

  /** Most calls first. */
  ranked(): readonly NotifierRow[] {
    return [...this.#rows.values()].sort((a, b) => b.calls - a.calls);
  }

  #row(task: string): { task: string; calls: number; bytes: number } {
    const name = this.#rows.has(task) || this.#rows.size < MOST ? task : OTHERS;
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { task: name, calls: 0, bytes: 0 };
      this.#rows.set(name, row);
    }
    return row;
  }
}
