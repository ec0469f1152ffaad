// faultline replay: the MMU of this project does what a kernel did, by its trace, and is held to the kernel's every decision.
import { hasHoles, isComplete } from '@faultline/trace';
import { Command } from 'commander';
import { EXIT_FINDING, EXIT_INPUT, EXIT_OK } from '../exit.ts';
import { Progress } from '../progress.ts';
import { replayJson } from '../replay/json.ts';
import { type ReplayedTrace, replayTrace } from '../replay/replay-trace.ts';
import { replayTable } from '../replay/table.ts';
import { replayText } from '../replay/text.ts';
import { tracesOf } from '../replay/traces-of.ts';
import { bundledTrace } from '../trace-input.ts';
import { inputOption, namedTraces, strictOption, type TraceOptions } from '../trace-options.ts';

interface Options extends TraceOptions {
  readonly all?: true;
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const replayCommand = (exit: (code: number) => void): Command =>
  new Command('replay')
    .argument('[TRACE...]', 'traces with memslot markers, or folders of them (none: a bundled one)')
    .addOption(inputOption())
    .option('--all', 'list every difference that is not explained, not only the first')
    .addOption(strictOption())
    .option('--json', 'print one JSON object')
    .action(async (traces: string[], options: Options) => {
      exit(await replayAll(traces, options));
    });

async function replayAll(traces: readonly string[], options: Options): Promise<number> {
  const { all, json, strict } = options;
  const words = namedTraces(traces, options);
  const files = words.length === 0 ? [bundledTrace()] : tracesOf(words);
  const progress = new Progress();
  const replayed: ReplayedTrace[] = [];
  try {
    for (const file of files) replayed.push(await replayTrace(file, progress, files.length > 1));
  } finally {
    progress.clear();
  }
  const [first] = replayed;
  if (json) process.stdout.write(replayJson(replayed));
  else if (replayed.length === 1 && first !== undefined) {
    process.stdout.write(replayText(first, all === true));
  } else process.stdout.write(replayTable(replayed));
  return exitCode(replayed, strict === true);
}

/** A difference in a trace with holes is no finding: what it hangs on may be what was lost. */
function exitCode(replayed: readonly ReplayedTrace[], isStrict: boolean): number {
  const isFound = ({ verdicts, summary }: ReplayedTrace): boolean =>
    verdicts !== undefined && verdicts.unexplained.length > 0 && !hasHoles(summary);
  if (replayed.some(isFound)) return EXIT_FINDING;
  const isUnfit = ({ summary }: ReplayedTrace): boolean =>
    isStrict ? !isComplete(summary) : hasHoles(summary);
  return replayed.some(isUnfit) ? EXIT_INPUT : EXIT_OK;
}
