// faultline run: a trace or a guest program on real threads, once per fault path, side by side.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  GUESTS,
  type GuestName,
  type RunOptions,
  type RunReport,
  runGuest,
  runTrace,
} from '@faultline/machine';
import type { FaultPath } from '@faultline/mmu';
import { Command } from 'commander';
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit.ts';
import { Progress } from '../progress.ts';
import { runReport } from '../run-report.ts';
import { type LoadedTrace, loadTrace } from '../trace-input.ts';
import { number, oneOf, someOf, whole } from '../words.ts';

const BUNDLED = 'k6.12-tdp-ksm-race.txt.gz';
const PATHS: readonly FaultPath[] = ['slow', 'merged', 'current'];
const MOST_VCPUS = 64;
const NAMES = Object.keys(GUESTS) as GuestName[];

interface Options {
  readonly path: FaultPath[];
  readonly vcpus?: number;
  readonly guest?: GuestName;
  readonly migrate?: true;
  readonly downtimeMs: number;
  readonly seconds: number;
  readonly memory: number;
  readonly json?: true;
}

export const runCommand = (): Command =>
  new Command('run')
    .description('run a guest on real threads and say what the fast path is worth')
    .argument('[TRACE]', `ftrace text of a KVM host, plain or gzip (a bundled one: ${BUNDLED})`)
    .option('--path <LIST>', `fault paths, of ${PATHS.join(', ')}`, someOf(PATHS), [...PATHS])
    .option('--vcpus <N>', 'virtual processors, a thread each', whole(1, MOST_VCPUS))
    .option('--guest <NAME>', `instead of a trace, a program: ${NAMES.join(', ')}`, oneOf(NAMES))
    .option('--migrate', 'migrate into a second memory meanwhile, and compare')
    .option('--downtime-ms <N>', 'how long a migrated guest may stand still', whole(0, 60_000), 1)
    .option('--seconds <N>', 'how long to run each path', number(0.1, 86_400), 4)
    .option('--memory <MIB>', 'guest memory of a program', whole(1, 16_384), 16)
    .option('--json', 'print one JSON object')
    .action(async (trace: string | undefined, options: Options) => {
      process.exitCode = await run(trace, options);
    });

async function run(traceFile: string | undefined, options: Options): Promise<number> {
  if (traceFile !== undefined && options.guest !== undefined) {
    throw new UsageError('expected a TRACE or --guest, got both');
  }
  const progress = new Progress();
  const source = options.guest ?? (await loadTrace(traceFile ?? bundledTrace(), progress));
  const reports: RunReport[] = [];
  for (const faultPath of options.path) {
    progress.show(`${faultPath}: running for ${options.seconds} s`);
    reports.push(await runOne(source, { ...runOptions(options), faultPath }));
  }
  progress.clear();
  process.stdout.write(runReport(source, reports, { json: options.json === true }));
  return reports.every(({ integrity }) => integrity.ok) ? EXIT_OK : EXIT_FINDING;
}

const runOne = (source: GuestName | LoadedTrace, options: RunOptions): Promise<RunReport> =>
  typeof source === 'string' ? runGuest(source, options) : runTrace(source.plan, options);

const PAGES_PER_MIB = 256;

const runOptions = (options: Options): Omit<RunOptions, 'faultPath'> => ({
  seconds: options.seconds,
  migrate: options.migrate === true,
  downtimeMs: options.downtimeMs,
  pages: options.memory * PAGES_PER_MIB,
  ...(options.vcpus === undefined ? {} : { vcpus: options.vcpus }),
});

/** Beside dist/ in the package, and at the root of a checkout. */
function bundledTrace(): string {
  const file = fileURLToPath(new URL(`../../../../traces/${BUNDLED}`, import.meta.url));
  if (existsSync(file)) return file;
  throw new UsageError(`expected the bundled trace at ${file}; name a TRACE`);
}
