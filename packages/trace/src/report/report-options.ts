// Which faults a report is about, and which accesses to devices. Everything else is still read, because it may say who changed
// an spte.
import type { Fault, VcpuThread } from './fault.ts';

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
    isOfWantedThread(vcpu, wanted) && isWithin(began, wanted.time) && isWithin(gfn, wanted.gfn)
  );
}

/** Undefined: of a thread that never ran the guest. */
export const isOfWantedThread = (
  thread: Pick<VcpuThread, 'vcpuId' | 'pid'> | undefined,
  { vcpu, pid }: ReportOptions,
): boolean =>
  (vcpu === undefined || vcpu === thread?.vcpuId) && (pid === undefined || pid === thread?.pid);
