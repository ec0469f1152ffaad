// How long faults take, from the access that missed to the return into the guest. Two ways, never at once: each fault by
// itself, at the price of two looks at the clock; or whole batches, whose mean is free of that price.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import {
  type FaultObserver,
  PFERR_PRESENT_MASK,
  PFERR_WRITE_MASK,
  type Vcpu,
  type VcpuStat,
} from '@faultline/mmu';

const now = (): number => performance.now();
const MS_TO_NS = 1e6;

/** What one vCPU measured. */
export interface VcpuReport {
  readonly vcpu: number;
  /** Faults while measuring, by kind. */
  readonly stat: VcpuStat;
  /** Nanoseconds of each timed write-protection fault (P and W). */
  readonly histogram: RecordableHistogram;
  /** Time in timed faults of any kind, and how many those were. */
  readonly stallMs: number;
  readonly timedFaults: number;
  /** How long it measured, in milliseconds. */
  readonly measuredMs: number;
  /** Time of untimed batches in which every other touch faulted or more, the guest's own work included; their faults. */
  readonly batchMs: number;
  readonly batchFaults: number;
  /** The guest's own finding, if it found a write lost. */
  readonly lostWrite: string | undefined;
}

export class Meter implements FaultObserver {
  readonly #vcpu: Vcpu;
  readonly #histogram = createHistogram({ lowest: 1, highest: 10_000_000_000, figures: 3 });
  #from: VcpuStat | undefined;
  #startedAt = 0;
  #began = 0;
  #stallMs = 0;
  #timedFaults = 0;
  #batchMs = 0;
  #batchFaults = 0;
  #batchBegan = 0;
  #faultsBefore = 0;

  constructor(vcpu: Vcpu) {
    this.#vcpu = vcpu;
  }

  /** The warm-up is over: what was counted so far does not count. */
  start(): void {
    if (this.#from !== undefined) return;
    this.#from = { ...this.#vcpu.stat };
    this.#startedAt = now();
  }

  /** From here each fault is timed, or whole batches are; before `start` neither. */
  timeFaults(each: boolean): void {
    this.#vcpu.observer = each && this.#from !== undefined ? this : undefined;
  }

  beginBatch(): void {
    this.#faultsBefore = this.#vcpu.stat.pf_taken;
    this.#batchBegan = now();
  }

  /** After a batch of `touches`. */
  endBatch(touches: number): void {
    if (this.#from === undefined || this.#vcpu.observer !== undefined) return;
    const faults = this.#vcpu.stat.pf_taken - this.#faultsBefore;
    if (faults * 2 < touches) return;
    this.#batchMs += now() - this.#batchBegan;
    this.#batchFaults += faults;
  }

  begin(): void {
    this.#began = now();
  }

  end(): void {
    const ms = now() - this.#began;
    this.#stallMs += ms;
    this.#timedFaults++;
    if ((this.#vcpu.fault.error_code & WRITE_PROTECTED) === WRITE_PROTECTED) {
      this.#histogram.record(Math.max(1, Math.round(ms * MS_TO_NS)));
    }
  }

  report(lostWrite?: string): VcpuReport {
    const stat = { ...this.#vcpu.stat };
    // A vCPU that was stopped while it warmed up has measured nothing.
    for (const [name, before] of Object.entries(this.#from ?? stat)) {
      stat[name as keyof VcpuStat] -= before;
    }
    return {
      vcpu: this.#vcpu.id,
      stat,
      histogram: this.#histogram,
      stallMs: this.#stallMs,
      timedFaults: this.#timedFaults,
      measuredMs: this.#from === undefined ? 0 : now() - this.#startedAt,
      batchMs: this.#batchMs,
      batchFaults: this.#batchFaults,
      lostWrite,
    };
  }
}

const WRITE_PROTECTED = PFERR_PRESENT_MASK | PFERR_WRITE_MASK;

/** What one timed fault carries of the clock's own cost: the median of many empty measurements, in nanoseconds. */
export function timerCost(): number {
  const costs = Array.from({ length: 10_001 }, () => {
    const from = now();
    return now() - from;
  });
  costs.sort((a, b) => a - b);
  return (costs[5000] as number) * MS_TO_NS;
}
