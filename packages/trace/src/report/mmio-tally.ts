// Which device registers the guest touches most, and which of them an ioeventfd could take: those that are only written, always
// with one length, and go to the VMM each time.
import { PAGE_SIZE } from '@faultline/mmu';
import type { TraceEvent } from '../trace-event.ts';
import type { KvmMmio } from '../vcpu-event.ts';
import { isWithin } from './report-options.ts';

/** Registers that are told apart; more are counted together. */
const MOST = 16_384;
/** Fewer exits than this are not worth an ioeventfd. */
const WORTH = 64;
const SHOWN = 64;

export interface MmioRegister {
  readonly gpa: number;
  readonly writes: number;
  readonly reads: number;
  /** Bytes per access; 0 where it varies. */
  readonly length: number;
  /** Accesses for which KVM_RUN returned to the VMM. */
  readonly userspaceExits: number;
  readonly isWorthIoeventfd: boolean;
}

export interface MmioAccesses {
  readonly accesses: number;
  readonly registers: number;
  /** Beyond the registers told apart. */
  readonly others: number;
  readonly worthIoeventfd: number;
  /** The most used, those worth an ioeventfd first. */
  readonly most: readonly MmioRegister[];
}

interface Tally {
  gpa: number;
  writes: number;
  reads: number;
  length: number;
  userspaceExits: number;
}

export class MmioTally {
  readonly #registers = new Map<number, Tally>();
  /** By pid: the access that the next return to the VMM is for. */
  readonly #pending = new Map<number, Tally | undefined>();
  /** Pids whose read the VMM is to answer: the answer is told as another `read`. */
  readonly #awaited = new Set<number>();
  #others = 0;

  add({ pid, body }: TraceEvent): void {
    if (body.event === 'kvm_userspace_exit') {
      const register = this.#pending.get(pid);
      if (register !== undefined && body.reason === 'KVM_EXIT_MMIO') register.userspaceExits++;
      this.#pending.delete(pid);
    } else if (body.event === 'kvm_mmio') this.#access(pid, body);
  }

  /** Those on the pages between, inclusive. */
  result(gfns?: readonly [first: number, last: number]): MmioAccesses {
    const tallies = [...this.#registers.values()];
    const rows = tallies
      .filter(({ gpa }) => isWithin(Math.floor(gpa / PAGE_SIZE), gfns))
      .map((tally) => ({ ...tally, isWorthIoeventfd: isWorthIoeventfd(tally) }));
    const uses = ({ reads, writes }: MmioRegister): number => reads + writes;
    rows.sort(
      (a, b) => Number(b.isWorthIoeventfd) - Number(a.isWorthIoeventfd) || uses(b) - uses(a),
    );
    return {
      accesses: rows.reduce((sum, row) => sum + uses(row), this.#others),
      registers: rows.length,
      others: this.#others,
      worthIoeventfd: rows.filter(({ isWorthIoeventfd }) => isWorthIoeventfd).length,
      most: rows.slice(0, SHOWN),
    };
  }

  #access(pid: number, { type, gpa, len }: KvmMmio): void {
    if (type === 'read' && this.#awaited.delete(pid)) return;
    if (type === 'unsatisfied-read') this.#awaited.add(pid);
    const register = this.#registerAt(gpa, len);
    if (register === undefined) this.#others++;
    else {
      if (type === 'write') register.writes++;
      else register.reads++;
      if (register.length !== len) register.length = 0;
    }
    this.#pending.set(pid, register);
  }

  #registerAt(gpa: number, length: number): Tally | undefined {
    const known = this.#registers.get(gpa);
    if (known !== undefined || this.#registers.size === MOST) return known;
    const register = { gpa, length, writes: 0, reads: 0, userspaceExits: 0 };
    this.#registers.set(gpa, register);
    return register;
  }
}

const isWorthIoeventfd = ({ reads, writes, length, userspaceExits }: Tally): boolean =>
  reads === 0 && length > 0 && userspaceExits >= Math.max(WORTH, writes / 2);
