#!/usr/bin/env -S node --enable-source-maps
// The `faultline` command: parses, calls one verb, returns its exit code.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { benchCommand } from './commands/bench.ts';
import { runCommand } from './commands/run.ts';
import { EXIT_OK, EXIT_USAGE, exitCodeOf, messageOf } from './exit.ts';

// The same relative place from packages/cli/src and from dist/cli/src.
const manifest = new URL('../../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };

const program = new Command('faultline')
  .description("KVM's x86 MMU on real threads, driven by real KVM traces")
  .version(version)
  .exitOverride()
  .showHelpAfterError('(faultline help COMMAND tells more)');
for (const command of [runCommand(), benchCommand()]) {
  program.addCommand(command.exitOverride());
}

try {
  await program.parseAsync();
} catch (error) {
  // commander has said what was wrong with the words; 0 is --help and --version.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  } else {
    process.stderr.write(`faultline: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
