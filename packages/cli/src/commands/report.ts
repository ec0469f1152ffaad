// faultline report: what a trace says about a VM's faults, on one page.
import type { Report, ReportOptions } from '@faultline/trace';
import { Command, Option } from 'commander';
import { UsageError } from '../exit.ts';
import { inputCode } from '../input-code.ts';
import { Progress } from '../progress.ts';
import { analyse } from '../report/analyse.ts';
import { asCsv } from '../report/csv.ts';
import { gfnRange, timeRange } from '../report/filter-words.ts';
import { asJson } from '../report/json.ts';
import { asMarkdown } from '../report/markdown.ts';
import { BREAKDOWNS, type Breakdown, page } from '../report/page.ts';
import { asText } from '../report/text.ts';
import { bundledTrace } from '../trace-input.ts';
import { inputOption, namedTrace, strictOption, type TraceOptions } from '../trace-options.ts';
import { oneOf, whole } from '../words.ts';

export const FORMATS = ['text', 'json', 'csv', 'md'] as const;
export type Format = (typeof FORMATS)[number];

interface Options extends ReportOptions, TraceOptions {
  readonly by?: Breakdown;
  readonly races?: true;
  readonly format: Format;
  readonly json?: true;
  readonly verbose?: true;
}

const MOST_PIDS = 2 ** 22;

/** `exit` is told the exit code. */
export const reportCommand = (exit: (code: number) => void): Command =>
  new Command('report')
    .argument('[TRACE]', 'what a kernel recorded (without one: a bundled trace)')
    .addOption(inputOption())
    .option('--vcpu <N>', 'only the faults of this vCPU', whole(0, 4095))
    .option(
      '-p, --pid <N>',
      'only those of this thread, where a trace has several VMs',
      whole(0, MOST_PIDS),
    )
    .option(
      '--time <A,B>',
      'only those that begin between; seconds as the trace prints them',
      timeRange,
    )
    .option('--gfn <A-B>', 'only those on these pages, hexadecimal', gfnRange)
    .option('--by <KEY>', `one table in full: ${BREAKDOWNS.join(', ')}`, oneOf(BREAKDOWNS))
    .option('--races', 'draw every fault whose spte changed under it')
    .option('-f, --format <FORMAT>', `one of ${FORMATS.join(', ')}`, oneOf(FORMATS), 'text')
    .addOption(new Option('--json', 'the same as --format json'))
    .addOption(strictOption())
    .option('-v, --verbose', 'say how fast the trace was read')
    .action(async (trace: string | undefined, options: Options) => {
      exit(await report(trace, options));
    });

async function report(argument: string | undefined, options: Options): Promise<number> {
  if (options.races && options.by !== undefined) {
    throw new UsageError('expected --by or --races, got both');
  }
  const named = namedTrace(argument, options);
  const progress = new Progress();
  try {
    const file = named ?? bundledTrace();
    const { vcpu, pid, time, gfn } = options;
    const analysed = await analyse(file, { vcpu, pid, time, gfn }, progress);
    process.stdout.write(printed(analysed.report, analysed.name, options));
    const { summary } = analysed.report;
    if (options.verbose) process.stderr.write(`${speed(summary.events, analysed.ms)}\n`);
    return inputCode(summary, options.strict);
  } finally {
    progress.clear();
  }
}

function printed(of: Report, name: string, { format, json, by, races }: Options): string {
  if (json || format === 'json') return asJson(of);
  if (format === 'csv') return asCsv(of, by);
  const sections = page(of, { name, by, races });
  return format === 'md' ? asMarkdown(sections) : asText(sections);
}

const speed = (events: number, ms: number): string =>
  `${(ms / 1000).toFixed(2)} s for reading and analysis, ${(events / ms / 1000).toFixed(2)} M events/s`;
