// What one vCPU's faults cost it.
import { Durations } from './durations.ts';
import type { Fault } from './fault.ts';
import { FAULT_KINDS } from './fault-kind.ts';
import { StallTimeline } from './stall-timeline.ts';

export class VcpuTally {
  faults = 0;
  readonly durations: Durations = new Durations();
  /** Of the kinds that only dirty logging makes. */
  readonly logging: StallTimeline;
  loggingStall = 0;
  /** Repairs under mmu_lock: dirty logging's while the log is on. */
  readonly slowWrites: StallTimeline;

  constructor(start: number) {
    this.logging = new StallTimeline(start);
    this.slowWrites = new StallTimeline(start);
  }

  /** `duration` in thousandths of the trace's time; NaN where the fault has no re-entry. */
  add({ kind, began, ended }: Fault, duration: number): void {
    this.faults++;
    if (Number.isNaN(duration)) return;
    this.durations.add(duration);
    if (kind === 'slow_write') this.slowWrites.add(began, ended);
    else if (FAULT_KINDS[kind].isLogging === true) {
      this.loggingStall += ended - began;
      this.logging.add(began, ended);
    }
  }

  /** How far a sum between two times may be off, in the trace's time. */
  get precision(): number {
    return Math.max(this.logging.precision, this.slowWrites.precision);
  }

  /** Stall from dirty logging between two times, in the trace's time. */
  loggingBetween(from: number, to: number): number {
    return this.logging.sum(from, to) + this.slowWrites.sum(from, to);
  }
}
