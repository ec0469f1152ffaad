// faultline diff: two traces, figure by figure; exit 1 where the second is worse.
import {
  type Comparison,
  compareReports,
  gaps,
  type Report,
  type ReportOptions,
} from '@faultline/trace';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_FINDING, EXIT_INPUT, EXIT_OK } from '../exit.ts';
import { inputCode } from '../input-code.ts';
import { Progress } from '../progress.ts';
import { analyse } from '../report/analyse.ts';
import { type Compared, diffSections } from '../report/diff-text.ts';
import { gfnRange } from '../report/filter-words.ts';
import { asMarkdown } from '../report/markdown.ts';
import { asText } from '../report/text.ts';
import { strictOption } from '../trace-options.ts';
import { oneOf, whole } from '../words.ts';

const FORMATS = ['text', 'json', 'md'] as const;

interface Options extends Pick<ReportOptions, 'vcpu' | 'gfn'> {
  readonly threshold: number;
  readonly key?: readonly string[];
  readonly format: (typeof FORMATS)[number];
  readonly json?: true;
  readonly strict?: true;
}

/** `exit` is told the exit code. */
export const diffCommand = (exit: (code: number) => void): Command =>
  new Command('diff')
    .argument('<A>', 'the trace to compare with')
    .argument('<B>', 'the trace that must not be worse')
    .addOption(
      new Option('--threshold <PERCENT>', 'how much worse is still the same')
        .argParser(percentage)
        .default(0.1, '10%'),
    )
    .option(
      '-k, --key <LIST>',
      'only figures whose keys begin so; report --format csv names them',
      keys,
    )
    .option('--vcpu <N>', 'only the faults of this vCPU', whole(0, 4095))
    .option('--gfn <A-B>', 'only those on these pages, hexadecimal', gfnRange)
    .option('-f, --format <FORMAT>', `one of ${FORMATS.join(', ')}`, oneOf(FORMATS), 'text')
    .addOption(new Option('--json', 'the same as --format json'))
    .addOption(strictOption())
    .action(async (a: string, b: string, options: Options) => {
      exit(await diff(a, b, options));
    });

async function diff(a: string, b: string, options: Options): Promise<number> {
  const progress = new Progress();
  try {
    const { vcpu, gfn, threshold, key } = options;
    const before = await analyse(a, { vcpu, gfn }, progress);
    const after = await analyse(b, { vcpu, gfn }, progress);
    const reports = [before.report, after.report] as const;
    const rows = compareReports(...reports, { threshold, keys: key });
    if (rows.length === 0)
      throw new RangeError(`--key: expected keys of figures, got '${key?.join(',')}'`);
    process.stdout.write(
      printed({ names: [before.name, after.name], reports, rows, threshold }, options),
    );
    const isUnfit = ({ summary }: Report): boolean =>
      inputCode(summary, options.strict) !== EXIT_OK;
    if (reports.some(isUnfit)) return EXIT_INPUT;
    return rows.some(isWorse) ? EXIT_FINDING : EXIT_OK;
  } finally {
    progress.clear();
  }
}

const isWorse = ({ verdict }: Comparison): boolean => verdict === 'worse';

function printed(compared: Compared, { format, json }: Options): string {
  if (json || format === 'json') return asJson(compared);
  const sections = diffSections(compared);
  return format === 'md' ? asMarkdown(sections) : asText(sections);
}

const asJson = ({ names, reports, rows, threshold }: Compared): string =>
  `${JSON.stringify({
    schema: 'faultline/diff',
    version: 1,
    a: names[0],
    b: names[1],
    gaps: reports.map(({ summary }) => gaps(summary)),
    threshold,
    worse: rows.filter(isWorse).map(({ key }) => key),
    figures: rows,
  })}\n`;

/** `10%` or `10`, as a share. */
function percentage(text: string): number {
  const value = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (value >= 0) return value / 100;
  throw new InvalidArgumentError('expected a percentage as 10%.');
}

function keys(text: string): readonly string[] {
  const list = text.split(',').filter((key) => key !== '');
  if (list.length > 0) return list;
  throw new InvalidArgumentError('expected keys of figures, with commas between.');
}
