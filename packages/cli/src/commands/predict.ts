// faultline predict: whether a guest's migration converges, what it takes, and what would make it.
import {
  type MigrationParameters,
  predict,
  STRATEGIES,
  STRATEGY_NOTES,
  type Strategy,
} from '@faultline/trace';
import { Command, Option } from 'commander';
import { EXIT_FINDING, EXIT_OK, inputCode } from '../exit.ts';
import { asJson } from '../predict/json.ts';
import { loadInput, type PredictInput } from '../predict/load.ts';
import { page } from '../predict/page.ts';
import type { Prediction } from '../predict/prediction.ts';
import { Progress } from '../progress.ts';
import { bandwidth, pageSize, size } from '../quantity.ts';
import { asMarkdown } from '../report/markdown.ts';
import { asText } from '../report/text.ts';
import { number, oneOf, someOf, whole } from '../words.ts';

export const FORMATS = ['text', 'md', 'json'] as const;
export type Format = (typeof FORMATS)[number];

const GIB = 2 ** 30;
/** QEMU's max-bandwidth. */
const BANDWIDTH = 128 * 2 ** 20;

interface Options {
  readonly bandwidth?: number;
  readonly downtimeMs: number;
  readonly timeoutS: number;
  readonly completionTimeoutPerGib?: number;
  readonly progressTimeoutS: number;
  readonly strategy: Strategy[];
  readonly pageSize: number;
  readonly memory?: number;
  readonly compressionRatio: number;
  readonly overheadMs: number;
  readonly stateMs: number;
  readonly dirtyRingSize: number;
  readonly vcpus?: number;
  readonly strict?: true;
  readonly format: Format;
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const predictCommand = (exit: (code: number) => void): Command =>
  new Command('predict')
    .description('say whether a migration converges, how long it takes, and what would make it')
    .argument(
      '<INPUT>',
      'a trace of a guest whose dirty pages are logged; dirty rates (query-dirty-rate, info dirty_rate, domstats, CSV); ' +
        'a log of a migration (cloud-hypervisor -v, query-migrate, info migrate)',
    )
    .option(
      '--bandwidth <RATE>',
      "bytes a second, or 10Gbit (a log's own, else QEMU's 128M)",
      bandwidth,
    )
    .option('--downtime-ms <N>', 'how long the guest may stand still', whole(1, 3_600_000), 300)
    .option('--timeout-s <N>', 'how long it may take', number(0.1, 1e6), 3600)
    .option(
      '--completion-timeout-per-gib <S>',
      "KubeVirt's: how long for each GiB of memory, in place of --timeout-s",
      number(0.1, 1e6),
    )
    .option(
      '--progress-timeout-s <N>',
      'give up when remaining bytes get no less for so long (KubeVirt: 150); 0: never',
      number(0, 1e6),
      0,
    )
    .addOption(
      new Option(
        '--strategy <LIST>',
        `some of ${STRATEGIES.join(', ')}; the first decides the exit code`,
      )
        .argParser(someOf(STRATEGIES))
        .default([...STRATEGIES], 'all, precopy first'),
    )
    .option('--page-size <SIZE>', 'by which a trace is counted: 4K, 2M', pageSize, 4096)
    .option('--memory <SIZE>', 'of the guest, where the input does not say', size)
    .option('--compression-ratio <X>', 'how much smaller pages get by it', number(1, 1000), 2)
    .option('--overhead-ms <N>', 'what a round takes beside the sending', number(0, 1e6), 0)
    .option('--state-ms <N>', 'the part of the downtime that is not memory', number(0, 1e6), 0)
    .option('--dirty-ring-size <N>', 'entries of a vCPU', whole(1, 65_536), 4096)
    .option('--vcpus <N>', "that have a ring (a trace's own, else 1)", whole(1, 4096))
    .option('--strict', 'exit with 3 if events were lost or not understood')
    .option('-f, --format <FORMAT>', `one of ${FORMATS.join(', ')}`, oneOf(FORMATS), 'text')
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      () =>
        `\nStrategies:\n${strategyNotes()}\n\nExit code: 0 converges, 1 does not, 3 input damaged, or not whole where --strict asks for it.`,
    )
    .action(async (file: string, options: Options) => {
      exit(await predictFile(file, options));
    });

async function predictFile(file: string, options: Options): Promise<number> {
  const progress = new Progress();
  try {
    const input = await loadInput(file, options, progress);
    const parameters = parametersOf({ ...options, ...resolved(input, options) });
    progress.show('predicting');
    const strategies = predict(input.loads, options.strategy, parameters);
    progress.clear();
    process.stdout.write(printed({ input, parameters, strategies }, options));
    const unfit = input.summary === undefined ? EXIT_OK : inputCode(input.summary, options.strict);
    if (unfit !== EXIT_OK) return unfit;
    return strategies[0]?.run.converges ? EXIT_OK : EXIT_FINDING;
  } finally {
    progress.clear();
  }
}

function printed(prediction: Prediction, { format, json }: Options): string {
  if (json || format === 'json') return asJson(prediction);
  const sections = page(prediction);
  return format === 'md' ? asMarkdown(sections) : asText(sections);
}

const strategyNotes = (): string =>
  STRATEGIES.map((strategy) => `  ${strategy.padEnd(14)}${STRATEGY_NOTES[strategy]}`).join('\n');

/** What the input says where no option does. */
function resolved(
  { loads: { pages }, recorded, vcpus = 1 }: PredictInput,
  options: Options,
): { bandwidth: number; timeoutS: number; vcpus: number } {
  const { completionTimeoutPerGib } = options;
  const gib = (pages.memoryPages * pages.pageSize) / GIB;
  return {
    bandwidth: options.bandwidth ?? recorded?.bandwidth ?? BANDWIDTH,
    timeoutS:
      completionTimeoutPerGib === undefined
        ? options.timeoutS
        : completionTimeoutPerGib * Math.max(1, gib),
    vcpus: options.vcpus ?? vcpus,
  };
}

const parametersOf = (of: Options & ReturnType<typeof resolved>): MigrationParameters => ({
  bandwidth: of.bandwidth,
  downtimeMs: of.downtimeMs,
  timeoutS: of.timeoutS,
  progressTimeoutS: of.progressTimeoutS,
  compressionRatio: of.compressionRatio,
  overheadMs: of.overheadMs,
  stateMs: of.stateMs,
  dirtyRingSize: of.dirtyRingSize,
  vcpus: of.vcpus,
});
