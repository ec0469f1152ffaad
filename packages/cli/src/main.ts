// The `faultline` command: words in, exit code out.
import { Command, CommanderError } from 'commander';
import { benchCommand } from './commands/bench.ts';
import { checkCommand } from './commands/check.ts';
import { convertCommand } from './commands/convert.ts';
import { diffCommand } from './commands/diff.ts';
import { explainCommand } from './commands/explain.ts';
import { migrateCommand } from './commands/migrate.ts';
import { predictCommand } from './commands/predict.ts';
import { recordCommand } from './commands/record.ts';
import { replayCommand } from './commands/replay.ts';
import { reportCommand } from './commands/report.ts';
import { runCommand } from './commands/run.ts';
import { snapshotCommand } from './commands/snapshot.ts';
import { EXIT_OK, EXIT_USAGE, exitCodeOf, messageOf } from './exit.ts';

/** Carries out one command line, without the names of Node and of the script, and says what came of it. */
export async function main(words: readonly string[], version: string): Promise<number> {
  let code = EXIT_OK;
  const program = faultline(version, (of) => {
    code = of;
  });
  try {
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    // commander has said what was wrong with the words; 0 is --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    process.stderr.write(`faultline: ${messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

function faultline(version: string, exit: (code: number) => void): Command {
  const program = new Command('faultline')
    .description(
      "KVM's x86 MMU: on real threads, driven by real KVM traces, and in every interleaving",
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`faultline: ${inOurWords(text, program)}\n`),
    });
  const commands = [
    runCommand(exit),
    checkCommand(exit, version),
    explainCommand(),
    recordCommand(exit),
    reportCommand(exit),
    predictCommand(exit),
    diffCommand(exit),
    replayCommand(exit),
    convertCommand(exit),
    migrateCommand(exit),
    snapshotCommand(exit),
    benchCommand(),
  ];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  return program;
}

/** What commander says of a bad word, in one line and as all other messages are: expected ..., got ... */
function inOurWords(text: string, { commands }: Command): string {
  const names = commands.map((command) => command.name()).join(', ');
  return text
    .trimEnd()
    .replace(/^error: /, '')
    .replace(
      /^option '(?:-\w, )?(--[\w-]+).*?' argument '(.*)' is invalid\. (.*)\.$/s,
      "$1: $3, got '$2'",
    )
    .replace(
      /^option '(?:-\w, )?(--[\w-]+) <(.*)>' argument missing$/,
      '$1: expected $2, got nothing',
    )
    .replace(
      /^required option '(?:-\w, )?(--[\w-]+) <(.*)>' not specified$/,
      '$1: expected $2, got nothing',
    )
    .replace(/^missing required argument '(.*)'$/, 'expected $1, got nothing')
    .replace(/^unknown command ('.*').*$/s, `expected one of the commands ${names}, got $1`)
    .replace(/^unknown option ('.*')$/, 'expected an option that --help lists, got $1')
    .replace(
      /^unknown option ('.*')\n\(Did you mean (.*)\?\)$/s,
      'expected an option that --help lists, perhaps $2, got $1',
    )
    .replace(
      /^too many arguments for '(.*)'\. Expected (\d+ arguments?) but got (\d+)\.$/,
      '$1: expected $2 at most, got $3',
    );
}
