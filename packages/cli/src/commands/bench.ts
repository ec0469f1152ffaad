// faultline bench: what the fast path is worth, and what the rest costs, as ratios within one run.
import { Command } from 'commander';
import { type Bar, formatBars } from '../bench/bar.ts';
import { PART_NAMES, PARTS, type Part } from '../bench/parts.ts';
import { Progress } from '../progress.ts';
import { someOf, whole } from '../words.ts';

interface Options {
  readonly rounds: number;
  readonly only?: readonly Part[];
  readonly json?: true;
}

export const benchCommand = (): Command =>
  new Command('bench')
    .option('--rounds <N>', 'rounds of each comparison', whole(5, 100_000), 60)
    .option('--only <NAMES>', `some of ${PART_NAMES.join(', ')}`, someOf(PART_NAMES))
    .option('--json', 'print one JSON object')
    .action(async (options: Options) => {
      const bars = await bench(options, new Progress());
      const text = options.json
        ? JSON.stringify({ schema: 'faultline/bench', version: 1, bars })
        : formatBars(bars);
      process.stdout.write(`${text}\n`);
    });

async function bench({ rounds, only = PART_NAMES }: Options, progress: Progress): Promise<Bar[]> {
  const bars: Bar[] = [];
  for (const name of PART_NAMES) {
    if (!only.includes(name)) continue;
    progress.show(`bench: ${name}`);
    bars.push(...(await PARTS[name](rounds)));
  }
  progress.clear();
  return bars;
}
