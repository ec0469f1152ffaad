// A report of some lines, or of a file.
import { type Report, ReportBuilder, type ReportOptions, readTrace } from '../src/index.ts';
import { parseLines } from './parse-text.ts';

export function reportOf(lines: readonly string[], options: ReportOptions = {}): Report {
  const { events, summary } = parseLines(...lines);
  const builder = new ReportBuilder(options);
  for (const event of events) builder.add(event);
  return builder.report(summary);
}

export async function reportOfFile(file: string, options: ReportOptions = {}): Promise<Report> {
  const builder = new ReportBuilder(options);
  const summary = await readTrace(file, (event) => builder.add(event));
  return builder.report(summary);
}
