// The trace-cmd of this machine, where it is installed, and what it makes of a trace.dat.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { FtraceParser, type TraceEvent, type TraceSummary } from '@faultline/trace';

const run = promisify(execFile);

/** As `3.1.6`; undefined where it is not installed. */
export function traceCmdVersion(): string | undefined {
  const { stdout } = spawnSync('trace-cmd', ['--version'], { encoding: 'utf8' });
  return /trace-cmd version (\S+)/.exec(stdout ?? '')?.[1];
}

/** Reads what `trace-cmd report` prints, as it comes. Throws a TraceError for what is no trace. */
export async function readReport(
  dat: string,
  words: readonly string[],
  onEvent: (event: TraceEvent) => void,
): Promise<TraceSummary> {
  const all = ['report', ...words, '-i', dat];
  const child = spawn('trace-cmd', all, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close') as Promise<[code: number | null]>;
  const parser = new FtraceParser(onEvent, { file: `trace-cmd ${all.join(' ')}` });
  for await (const piece of child.stdout as AsyncIterable<Uint8Array>) parser.feed(piece);
  const [code] = await ended;
  return parser.end({ truncated: code !== 0 });
}

export interface Packing {
  readonly version: 6 | 7;
  readonly compression: 'none' | 'zstd';
}

/** Writes the same trace as another file; throws what trace-cmd says where it fails. */
export async function convertDat(dat: string, to: string, packing: Packing): Promise<void> {
  const how = ['--file-version', `${packing.version}`, '--compression', packing.compression];
  await run('trace-cmd', ['convert', '-i', dat, '-o', to, ...how]);
}

/** The CPUs of which the file holds events, by trace-cmd's own reading. */
export async function cpusOf(dat: string): Promise<ReadonlySet<number>> {
  const { stdout } = await run('trace-cmd', ['report', '--cpus', '-i', dat]);
  return new Set([...stdout.matchAll(/^\s*(\d+)$/gm)].map(([, cpu]) => Number(cpu)));
}
