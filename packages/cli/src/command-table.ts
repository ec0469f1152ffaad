// The commands by name, and what the list of them says. A command's module, and with it the rooms that it works with, is
// loaded when it is chosen: `faultline --version` and the list of commands wait for none of them.
import type { Command } from 'commander';

/** `exit` is told the exit code; `version` is that of Faultline. */
type Make = (exit: (code: number) => void, version: string) => Command;

export interface CommandEntry {
  readonly name: string;
  /** The words after the name. */
  readonly usage: string;
  readonly description: string;
  /** Loads the module. */
  load(): Promise<Make>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    usage: '[options] [TRACE]',
    description: 'run a guest on real threads and say what the fast path is worth',
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  {
    name: 'check',
    usage: '[options] [NAME]',
    description: 'explore every interleaving of a few threads, and draw what goes wrong',
    load: async () => (await import('./commands/check.ts')).checkCommand,
  },
  {
    name: 'explain',
    usage: '[options] [NAME]',
    description: 'tell the story of a race: what happened, its drawing, what mended it',
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  {
    name: 'record',
    usage: '[options]',
    description: 'print the commands that take a good trace of this host, or run them',
    load: async () => (await import('./commands/record.ts')).recordCommand,
  },
  {
    name: 'report',
    usage: '[options] [TRACE]',
    description: "say what a KVM trace tells about a VM's page faults, on one page",
    load: async () => (await import('./commands/report.ts')).reportCommand,
  },
  {
    name: 'predict',
    usage: '[options] <INPUT>',
    description: 'say whether a migration converges, how long it takes, and what would make it',
    load: async () => (await import('./commands/predict.ts')).predictCommand,
  },
  {
    name: 'diff',
    usage: '[options] <A> <B>',
    description: 'compare two KVM traces: two kernels, two settings, before and after a patch',
    load: async () => (await import('./commands/diff.ts')).diffCommand,
  },
  {
    name: 'replay',
    usage: '[options] [TRACE...]',
    description: "hold this MMU to a kernel's every decision, by the trace of them",
    load: async () => (await import('./commands/replay.ts')).replayCommand,
  },
  {
    name: 'convert',
    usage: '[options] [TRACE]',
    description: 'write a trace in a format that other tools read',
    load: async () => (await import('./commands/convert.ts')).convertCommand,
  },
  {
    name: 'migrate',
    usage: '[options]',
    description: 'migrate a running guest to another process',
    load: async () => (await import('./commands/migrate.ts')).migrateCommand,
  },
  {
    name: 'snapshot',
    usage: '[options] [command]',
    description:
      'look at a file with the memory of a guest (migrate --listen --snapshot writes one)',
    load: async () => (await import('./commands/snapshot.ts')).snapshotCommand,
  },
  {
    name: 'bench',
    usage: '[options]',
    description: 'measure the fast path, and what the rest costs',
    load: async () => (await import('./commands/bench.ts')).benchCommand,
  },
];
