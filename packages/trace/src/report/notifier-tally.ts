// Who takes guest memory away under the VM: mmu notifier calls by the name of the thread that made them.
import type { TraceEvent } from '../trace-event.ts';
import { Seen } from './seen.ts';
import type { VcpuState } from './vcpu-state.ts';

/** Names that are told apart; more are counted together. */
const MOST = 1024;
const OTHERS = '(others)';
/** In a fault a vCPU takes pages from the VM by copying them; elsewhere as any thread of the VMM, say as its stack goes. */
const COPIES = 'vCPUs (copy-on-write)';
const OWN_CALLS = 'vCPUs (own calls)';

export interface NotifierRow {
  readonly task: string;
  readonly calls: number;
  readonly bytes: number;
}

export class NotifierTally {
  readonly #rows = new Map<string, { task: string; calls: number; bytes: number }>();

  /** `vcpu`: of the event's thread, if that runs the guest. */
  add({ task, body }: TraceEvent, vcpu: VcpuState | undefined): void {
    if (body.event !== 'kvm_unmap_hva_range') return;
    const row = this.#row(vcpu === undefined ? task : isInFault(vcpu) ? COPIES : OWN_CALLS);
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

const isInFault = ({ isOpen, seen }: VcpuState): boolean => isOpen && (seen & Seen.Userspace) === 0;
