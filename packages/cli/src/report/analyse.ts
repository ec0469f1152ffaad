// A trace file on its way to a report.
import { basename } from 'node:path';
import { type Report, ReportBuilder, type ReportOptions, readTrace } from '@faultline/trace';
import { InputError } from '../exit.ts';
import type { Progress } from '../progress.ts';

export interface Analysed {
  readonly name: string;
  readonly report: Report;
  /** Wall time of reading and analysing, in milliseconds. */
  readonly ms: number;
}

/** Throws a TraceError, or an InputError for a trace without a fault that is asked for. */
export async function analyse(
  file: string,
  options: ReportOptions,
  progress: Progress,
): Promise<Analysed> {
  const name = basename(file);
  progress.show(`reading ${name}`);
  const builder = new ReportBuilder(options);
  const started = performance.now();
  const summary = await readTrace(file, (event) => builder.add(event));
  const report = builder.report(summary);
  progress.clear();
  if (report.faults === 0) throw new InputError(`${file}: ${whyNone(options)}`);
  return { name, report, ms: performance.now() - started };
}

function whyNone({ vcpu, pid, time, gfn }: ReportOptions): string {
  const isFiltered = [vcpu, pid, time, gfn].some((of) => of !== undefined);
  return isFiltered
    ? 'expected faults that the options let through, got none; without them there may be some'
    : 'expected faults of a vCPU, got none; usual cause: recorded without kvm:kvm_page_fault and kvmmmu:fast_page_fault';
}
