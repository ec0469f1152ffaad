// faultline replay: the MMU of this project does what a kernel did, by its trace, and is held to the kernel's every decision.
import { hasHoles } from '@faultline/trace';
import { Command } from 'commander';
import { EXIT_FINDING, EXIT_INPUT, EXIT_OK } from '../exit.ts';
import { Progress } from '../progress.ts';
import { replayJson } from '../replay/json.ts';
import { type ReplayedTrace, replayTrace } from '../replay/replay-trace.ts';
import { replayTable } from '../replay/table.ts';
import { replayText } from '../replay/text.ts';
import { tracesOf } from '../replay/traces-of.ts';
import { bundledTrace } from '../trace-input.ts';

interface Options {
  readonly all?: true;
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const replayCommand = (exit: (code: number) => void): Command =>
  new Command('replay')
    .description("hold this MMU to a kernel's every decision, by the trace of them")
    .argument('[TRACE...]', 'traces with memslot markers, or folders of them (none: a bundled one)')
    .option('--all', 'list every difference that is not explained, not only the first')
    .option('--json', 'print one JSON object')
    .action(async (traces: string[], options: Options) => {
      exit(await replayAll(traces, options));
    });

async function replayAll(words: readonly string[], { all, json }: Options): Promise<number> {
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
  return exitCode(replayed);
}

/** A difference in a trace with holes is no finding: what it hangs on may be what was lost. */
function exitCode(replayed: readonly ReplayedTrace[]): number {
  const isFound = ({ verdicts, summary }: ReplayedTrace): boolean =>
    verdicts !== undefined && verdicts.unexplained.length > 0 && !hasHoles(summary);
  if (replayed.some(isFound)) return EXIT_FINDING;
  return replayed.some(({ summary }) => hasHoles(summary)) ? EXIT_INPUT : EXIT_OK;
}
