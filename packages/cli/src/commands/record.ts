// faultline record: the commands that take a good trace, printed, or run.
import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { gaps, readTrace } from '@faultline/trace';
import { Command, Option } from 'commander';
import { EXIT_INPUT, EXIT_OK } from '../exit.ts';
import { inputCode } from '../input-code.ts';
import { missing, thisHost } from '../record/missing.ts';
import { type Recording, type Step, stepsOf, type Tool, undo } from '../record/recording.ts';
import { count } from '../table.ts';
import { number, oneOf, whole } from '../words.ts';

const TOOLS: readonly Tool[] = ['tracefs', 'trace-cmd'];
const OUTPUT: Readonly<Record<Tool, string>> = {
  tracefs: 'trace.txt.gz',
  'trace-cmd': 'trace.dat',
};

interface Options {
  readonly tool: Tool;
  readonly pid?: number;
  readonly duration: number;
  readonly buffer: number;
  readonly output?: string;
  readonly rawPointers?: true;
  readonly tracefs: string;
  readonly run?: true;
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const recordCommand = (exit: (code: number) => void): Command =>
  new Command('record')
    .addOption(
      new Option('--tool <TOOL>', `${TOOLS.join(' or ')}: text, or a trace.dat`)
        .argParser(oneOf(TOOLS))
        .default('tracefs'),
    )
    .option(
      '-p, --pid <PID>',
      "the VMM's process; without it, every VM of the host",
      whole(1, 2 ** 22),
    )
    .option('-d, --duration <SECONDS>', 'how long', number(0.1, 86_400), 10)
    .option('-b, --buffer <KIB>', 'of every CPU', whole(64, 2 ** 24), 81_920)
    .option('-o, --output <FILE>', 'trace.txt.gz, or trace.dat with trace-cmd')
    .option('--raw-pointers', 'do not hash pointers in the text')
    .option('--tracefs <DIR>', 'where tracefs is mounted', '/sys/kernel/tracing')
    .option('--run', 'run the commands, as root, after looking for what is missing')
    .option('--json', 'print one JSON object')
    .action(async (options: Options) => exit(await record(options)));

async function record({
  duration,
  buffer,
  rawPointers,
  run,
  json,
  ...rest
}: Options): Promise<number> {
  const recording: Recording = {
    ...rest,
    seconds: duration,
    bufferKib: buffer,
    output: rest.output ?? OUTPUT[rest.tool],
    rawPointers: rawPointers === true,
  };
  const steps = stepsOf(recording);
  const lacks = missing(recording, thisHost(release()));
  if (run) return runAll(recording, steps, lacks);
  process.stdout.write(json ? jsonOf(recording, steps, lacks) : textOf(recording, steps, lacks));
  return EXIT_OK;
}

async function runAll(
  recording: Recording,
  steps: readonly Step[],
  lacks: readonly string[],
): Promise<number> {
  if (lacks.length > 0) {
    process.stderr.write(lacks.map((line) => `faultline: ${line}\n`).join(''));
    return EXIT_INPUT;
  }
  // Ctrl-C ends the sleep, and with it the recording: what there is is kept.
  const stay = (): void => {};
  process.on('SIGINT', stay);
  try {
    for (const { why, commands } of steps) {
      process.stderr.write(`# ${why}\n`);
      for (const command of commands) if (!runOne(command)) return fail(recording);
    }
  } finally {
    process.off('SIGINT', stay);
  }
  return check(recording.output);
}

/** Says whether it went well. */
function runOne(command: string): boolean {
  process.stderr.write(`${command}\n`);
  const { status, signal } = spawnSync('/bin/sh', ['-c', command], { stdio: 'inherit' });
  return status === 0 || (command.includes('sleep ') && signal === 'SIGINT');
}

function fail(recording: Recording): number {
  process.stderr.write('faultline: expected the command to end with 0; what it began is undone\n');
  for (const command of undo(recording)) runOne(command);
  return EXIT_INPUT;
}

/** Read what was recorded: a trace with holes should be known as one at once. */
async function check(output: string): Promise<number> {
  const summary = await readTrace(output, () => {});
  const said = gaps(summary);
  const holes = said.length === 0 ? 'complete' : `with gaps:\n  ${said.join('\n  ')}`;
  process.stdout.write(`${output}: ${count(summary.events)} events, ${holes}\n`);
  return inputCode(summary);
}

function textOf({ output }: Recording, steps: readonly Step[], lacks: readonly string[]): string {
  const blocks = steps.map(({ why, commands }) => [`# ${why}`, ...commands].join('\n'));
  const here = lacks.map((line) => `#   ${line}\n`).join('');
  return [
    '# As root; --run does the same, and reads the trace afterwards.\n',
    ...(here === '' ? [] : [`# On this host, --run would first ask for:\n${here}`]),
    `\n${blocks.join('\n\n')}\n`,
    `\n# then: faultline report ${output}\n`,
  ].join('');
}

const jsonOf = (recording: Recording, steps: readonly Step[], lacks: readonly string[]): string =>
  `${JSON.stringify({ schema: 'faultline/record', version: 1, recording, steps, missing: lacks })}\n`;
