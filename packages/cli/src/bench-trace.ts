// npm run bench:trace -- [FILE]: how fast a trace is read, each way in a process of its own, as a user's command is: text,
// packed and unpacked, and trace.dat, beside `wc -l` and, where it is installed, `trace-cmd report`.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTrace } from '@faultline/trace';
import { Command } from 'commander';
import { type Measured, measureCommand, measureReading, unpackTo } from './bench-trace/measure.ts';
import { exitCodeOf, messageOf } from './exit.ts';
import { Progress } from './progress.ts';
import { count, figure, formatTable, type Row } from './table.ts';
import { whole } from './words.ts';

const BUNDLED = fileURLToPath(
  new URL('../../../traces/k6.12-tdp-ksm-race.txt.gz', import.meta.url),
);
const TEXT = /\.txt\.gz$/;

interface Options {
  readonly rounds: number;
  readonly one?: true;
}

const program = new Command('bench-trace')
  .description('read a trace as text and as trace.dat, and say how fast')
  .argument('[FILE]', 'NAME.txt.gz; NAME.dat beside it is read too', BUNDLED)
  .option('--rounds <N>', 'runs of each, of which the median counts', whole(1, 99), 3)
  .option('--one', 'one reading, in this process')
  .action((file: string, { rounds, one }: Options) => (one ? readOne(file) : bench(file, rounds)));

/** The listener does what the least of listeners does: it looks at every event. */
async function readOne(file: string): Promise<void> {
  let looked = 0;
  const began = performance.now();
  const { events } = await readTrace(file, ({ body }) => {
    if (body.event !== 'kvm_entry') looked++;
  });
  const ms = performance.now() - began;
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const cpuMs = (userCPUTime + systemCPUTime) / 1000;
  process.stdout.write(JSON.stringify({ ms, cpuMs, peakKiB: maxRSS, events, looked }));
}

async function bench(file: string, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-'));
  try {
    await benchIn(folder, file, rounds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchIn(folder: string, file: string, rounds: number): Promise<void> {
  const progress = new Progress();
  const plain = TEXT.test(file) ? await unpackTo(join(folder, 'trace.txt'), file) : file;
  const dat = file.replace(TEXT, '.dat');
  const runs: (readonly [name: string, run: () => Promise<Measured | undefined>])[] = [
    ['text, gzip', () => measureReading(file)],
    ['text', () => measureReading(plain)],
    ...(dat !== file && existsSync(dat)
      ? ([
          ['trace.dat', () => measureReading(dat)],
          ['trace-cmd report', () => measureCommand('trace-cmd', ['report', '-i', dat])],
        ] as const)
      : []),
    ['wc -l, text', () => measureCommand('wc', ['-l', plain])],
  ];
  const rows: Row[] = [];
  let events = 0;
  for (const [name, run] of runs) {
    progress.show(name);
    const found = await median(rounds, run);
    events ||= found?.events ?? 0;
    rows.push({ name, cells: cellsOf(found, events) });
  }
  progress.clear();
  process.stdout.write(
    `${file}: ${count(events)} events; the median of ${rounds} processes each\n\n` +
      `${formatTable(['M events/s', 'ms', 'CPU ms', 'peak MiB'], rows)}\n\n` +
      'M events/s by the wall clock of the reading; CPU ms are all the threads of the process, its start\n' +
      'included. Unpacking gzip goes on beside the reading, on a thread of its own.\n',
  );
}

async function median(
  rounds: number,
  run: () => Promise<Measured | undefined>,
): Promise<Measured | undefined> {
  const found: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    const measured = await run();
    if (measured === undefined) return undefined;
    found.push(measured);
  }
  return found.sort((a, b) => a.ms - b.ms)[rounds >> 1];
}

const cellsOf = (found: Measured | undefined, events: number): string[] =>
  found === undefined
    ? ['not installed', '', '', '']
    : [
        figure(events / found.ms / 1000),
        count(found.ms),
        found.cpuMs === undefined ? '' : count(found.cpuMs),
        found.peakKiB === undefined ? '' : count(found.peakKiB / 1024),
      ];

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`bench:trace: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
