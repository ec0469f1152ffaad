// npm run traces:check -- DIR: every trace of a folder is read, its counts compared with the folder's INDEX.tsv, and every
// trace.dat compared with the text of the same trace, event by event; where trace-cmd is installed, with its texts too.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { EXIT_FINDING, EXIT_INPUT, EXIT_OK, exitCodeOf, InputError, messageOf } from './exit.ts';
import { Progress } from './progress.ts';
import { count } from './table.ts';
import { checkDat, checkText, type FileCheck } from './traces-check/check-file.ts';
import { checkByTraceCmd } from './traces-check/check-trace-cmd.ts';
import type { Verdict } from './traces-check/compare.ts';
import { readIndex } from './traces-check/index-file.ts';
import { traceCmdVersion } from './traces-check/trace-cmd.ts';
import { wrap } from './wrap.ts';

const TEXT = /\.txt(\.gz|\.zst)?$/;

interface Options {
  readonly brief?: true;
}

const program = new Command('traces-check')
  .description('read every trace of a folder; compare with its INDEX.tsv, and .dat with text')
  .argument('<DIR>', 'a folder with INDEX.tsv')
  .option('--brief', 'no counts by name')
  .action(async (folder: string, options: Options) => {
    process.exitCode = await checkFolder(folder, options);
  });

async function checkFolder(folder: string, { brief }: Options): Promise<number> {
  const index = readIndex(join(folder, 'INDEX.tsv'));
  const files = tracesOf(folder);
  if (files.length === 0) throw new InputError(`${folder}: expected traces (*.txt, *.txt.gz)`);
  const absent = [...index.keys()].filter((file) => !files.includes(file));
  const traceCmd = traceCmdVersion();
  const progress = new Progress();
  let wrong = absent.length;
  let events = 0;
  const say = (file: string, { ok, lines: [verdict, ...more], counted }: FileCheck): void => {
    progress.clear();
    if (!ok) wrong++;
    events += counted.summary.events;
    const names =
      brief || file.endsWith('.dat') ? [] : [wrap(namesOf(counted.summary.counts), '    ')];
    process.stdout.write(`${[`${file}\n  ${verdict}`, ...more, ...names].join('\n')}\n`);
  };
  const sayMore = ({ ok, lines }: Verdict): void => {
    progress.clear();
    if (!ok) wrong++;
    process.stdout.write(`  ${lines.join('\n  ')}\n`);
    progress.show('running trace-cmd');
  };
  for (const file of files) {
    const path = join(folder, file);
    progress.show(`reading ${file}`);
    const text = await checkText(path, index.get(file));
    say(file, text);
    const dat = path.replace(TEXT, '.dat');
    if (!existsSync(dat)) continue;
    progress.show(`reading ${dat}`);
    const checked = await checkDat(dat, text.counted);
    say(file.replace(TEXT, '.dat'), checked);
    if (traceCmd !== undefined) await checkByTraceCmd(dat, checked.counted, sayMore);
  }
  progress.clear();
  for (const file of absent) process.stdout.write(`${file}\n  in the index, NOT in the folder\n`);
  const compared =
    traceCmd === undefined
      ? 'trace-cmd is not installed: its own texts and files were not compared'
      : `trace-cmd ${traceCmd} wrote the texts and files that are named after it`;
  const verdict = wrong === 0 ? 'all as they should be' : `${count(wrong)} NOT as they should be`;
  process.stdout.write(
    `\n${compared}\n${count(files.length)} texts, ${count(events)} events: ${verdict}\n`,
  );
  return wrong === 0 ? EXIT_OK : EXIT_FINDING;
}

/** Texts of the folder and of the folders in it, by their names in the index. */
const tracesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => TEXT.test(file))
    .sort();

const namesOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${count(n)}`)
    .join(', ');

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`traces:check: ${messageOf(error)}\n`);
  process.exitCode = existsSync(program.args[0] ?? '') ? exitCodeOf(error) : EXIT_INPUT;
}
