// Which faults a report is about. Everything else is still read, because it may say who changed an spte.
import type { Fault } from './fault.ts';

export interface ReportOptions {
  /** Only this vCPU's. */
  readonly vcpu?: number | undefined;
  /** Only this thread's: in a trace of several VMs each has a vCPU 0. */
  readonly pid?: number | undefined;
  /** Only those that begin between these, in the trace's time; either may be infinite. */
  readonly time?: readonly [from: number, to: number] | undefined;
  /** Only those on these pages, inclusive. */
  readonly gfn?: readonly [first: number, last: number] | undefined;
}

export const isWithin = (value: number, range: readonly [number, number] | undefined): boolean =>
  range === undefined || (value >= range[0] && value <= range[1]);

export function isWanted({ vcpu, began, gfn }: Fault, wanted: ReportOptions): boolean {
  return (
    (wanted.vcpu === undefined || wanted.vcpu === vcpu.vcpuId) &&
    (wanted.pid === undefined || wanted.pid === vcpu.pid) &&
    isWithin(began, wanted.time) &&
    isWithin(gfn, wanted.gfn)
  );
}
