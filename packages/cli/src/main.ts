// The `faultline` command: words in, exit code out.
import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandEntry } from './command-table.ts';
import { EXIT_OK, EXIT_USAGE, exitCodeOf, messageOf } from './exit.ts';

/** Carries out one command line, without the names of Node and of the script, and says what came of it. */
export async function main(words: readonly string[], version: string): Promise<number> {
  let code = EXIT_OK;
  try {
    const program = await faultline(words, version, (of) => {
      code = of;
    });
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    // commander has said what was wrong with the words; 0 is --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    process.stderr.write(`faultline: ${messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

async function faultline(
  words: readonly string[],
  version: string,
  exit: (code: number) => void,
): Promise<Command> {
  const program = new Command('faultline')
    .description(
      "KVM's x86 MMU: on real threads, driven by real KVM traces, and in every interleaving",
    )
    .version(version)
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .configureOutput({
      outputError: (text, write) => write(`faultline: ${inOurWords(text, program)}\n`),
    });
  const chosen = words.find((word) => word !== 'help' && !word.startsWith('-'));
  for (const entry of COMMANDS) {
    const command = entry.name === chosen ? (await entry.load())(exit, version) : named(entry);
    program.addCommand(command.description(entry.description).copyInheritedSettings(program));
  }
  return program;
}

/** A place in the list of commands. */
const named = ({ name, usage }: CommandEntry): Command => new Command(name).usage(usage);

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
