// faultline predict: whether a guest's migration converges, what it takes, and what would make it.
import { predict, STRATEGIES, STRATEGY_NOTES, type Strategy, SWITCH_OVERS } from '@faultline/trace';
import { Command, Option } from 'commander';
import { EXIT_FINDING, EXIT_OK } from '../exit.ts';
import { inputCode } from '../input-code.ts';
import { asJson } from '../predict/json.ts';
import { loadInput } from '../predict/load.ts';
import { page } from '../predict/page.ts';
import { type ParameterOptions, resolve } from '../predict/parameters.ts';
import type { Prediction } from '../predict/prediction.ts';
import { LEAST_ENTRIES, MOST_ENTRIES } from '../predict/ring-sizes.ts';
import { Progress } from '../progress.ts';
import { bandwidth, pageSize, size } from '../quantity.ts';
import { asMarkdown } from '../report/markdown.ts';
import { asText } from '../report/text.ts';
import { strictOption } from '../trace-options.ts';
import { number, oneOf, powerOfTwo, someOf, whole } from '../words.ts';

export const FORMATS = ['text', 'md', 'json'] as const;
export type Format = (typeof FORMATS)[number];

interface Options extends ParameterOptions {
  readonly strategy: Strategy[];
  readonly pageSize: number;
  readonly memory?: number;
  readonly strict?: true;
  readonly format: Format;
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const predictCommand = (exit: (code: number) => void): Command =>
  new Command('predict')
    .argument(
      '<INPUT>',
      'a trace of a guest whose dirty pages are logged; dirty rates (query-dirty-rate, info dirty_rate, domstats, CSV); ' +
        'a log of a migration (cloud-hypervisor -v, query-migrate, info migrate); -: any of them on standard input',
    )
    .option(
      '--bandwidth <RATE>',
      "bytes a second, or 10Gbit (a log's own, else QEMU's 128M)",
      bandwidth,
    )
    .option(
      '--switchover-bandwidth <RATE>',
      "for the rest, once the guest stands still: QEMU lifts its limit then (a log's own, else as --bandwidth)",
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
    .option(
      '--switch-over <RULE>',
      `when the VMM looks whether the rest fits: ${SWITCH_OVERS.join(', ')} (a log's own, else QEMU's: pending)`,
      oneOf(SWITCH_OVERS),
    )
    .option('--setup-ms <N>', 'before the first round', number(0, 1e6), 0)
    .option(
      '--overhead-ms <N>',
      'what a round takes beside the sending (as long as the harvests of the input, else by the page)',
      number(0, 1e6),
    )
    .option('--state-ms <N>', 'the part of the downtime that is not memory', number(0, 1e6), 0)
    .option(
      '--dirty-ring-size <N>',
      'entries of a vCPU',
      powerOfTwo(LEAST_ENTRIES, MOST_ENTRIES),
      4096,
    )
    .option(
      '--reap-interval-ms <N>',
      'rings are emptied so often, and full ones wait (QEMU: each second, and full ones at once)',
      number(1, 1e6),
    )
    .option(
      '--vcpus <N>',
      "that write as much as each other (a trace's own, else 1)",
      whole(1, 4096),
    )
    .addOption(strictOption())
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
    const resolved = resolve(input, options);
    progress.show('predicting');
    const strategies = predict(input.loads, options.strategy, resolved.parameters);
    progress.clear();
    process.stdout.write(printed({ input, ...resolved, strategies }, options));
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
