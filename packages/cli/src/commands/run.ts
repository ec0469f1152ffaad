// faultline run: a trace or a guest program on real threads, once per fault path, side by side.

import type { FaultPath, MmuKind } from '@faultline/mmu';
import {
  DIRTY_LOGS,
  type DirtyLog,
  GUESTS,
  type GuestName,
  MOST_PAGES,
  MOST_VCPUS,
  type RunOptions,
  type RunReport,
  runGuest,
  runTrace,
} from '@faultline/runner';
import { Command, Option } from 'commander';
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit.ts';
import { inputCode } from '../input-code.ts';
import { Progress } from '../progress.ts';
import { runReport } from '../run-report.ts';
import { BUNDLED, bundledTrace, type LoadedTrace, loadTrace } from '../trace-input.ts';
import { number, oneOf, someOf, whole } from '../words.ts';

const PATHS: readonly FaultPath[] = ['slow', 'merged', 'current'];
const MMUS: readonly MmuKind[] = ['tdp', 'legacy'];
const PAGES_PER_MIB = 256;
const MOST_MIB = Math.floor(MOST_PAGES / PAGES_PER_MIB);
const NAMES = Object.keys(GUESTS) as GuestName[];

interface Options {
  readonly path: FaultPath[];
  readonly vcpus?: number;
  readonly guest?: GuestName;
  readonly migrate?: true;
  readonly dirtyLog?: DirtyLog;
  readonly downtimeMs: number;
  readonly seconds: number;
  readonly memory: number;
  readonly mmu?: MmuKind;
  readonly thp?: true;
  readonly eagerPageSplit: boolean;
  readonly slotZapAll: boolean;
  readonly adBits: boolean;
  readonly pml?: true;
  readonly aging?: true;
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const runCommand = (exit: (code: number) => void): Command =>
  new Command('run')
    .argument('[TRACE]', `ftrace text of a KVM host, plain or gzip (a bundled one: ${BUNDLED})`)
    .addOption(
      new Option(
        '--path <LIST>',
        'fault paths: slow (always mmu_lock), merged (fast path of 2012), current (fast path of 6.12)',
      )
        .argParser(someOf(PATHS))
        .default([...PATHS], PATHS.join(',')),
    )
    .option(
      '--vcpus <N>',
      "virtual processors, a thread each (a program's: 2; a trace's: its own)",
      whole(1, MOST_VCPUS),
    )
    .option('--guest <NAME>', `run a program instead of a trace: ${NAMES.join(', ')}`, oneOf(NAMES))
    .option('--migrate', 'migrate into a second memory meanwhile, and compare')
    .option(
      '--dirty-log <KIND>',
      `how writes are logged: ${DIRTY_LOGS.join(', ')} (a program's: bitmap; a trace's: its own)`,
      oneOf(DIRTY_LOGS),
    )
    .option(
      '--downtime-ms <N>',
      'how long a migrating program may stand still',
      whole(0, 60_000),
      1,
    )
    .option(
      '--seconds <N>',
      'how long to run each path; a trace, in whole passes',
      number(0.1, 86_400),
      4,
    )
    .option('--memory <MIB>', 'memory of a program', whole(1, MOST_MIB), 16)
    .option(
      '--mmu <KIND>',
      `which MMU: ${MMUS.join(', ')} (a program's: tdp; a trace's: its own)`,
      oneOf(MMUS),
    )
    .option('--thp', "back the guest's memory by huge pages (a trace says by itself)")
    .option('--no-eager-page-split', 'split large leaves in the fault, not when logging begins')
    .option('--no-slot-zap-all', 'zap what a memslot maps when it goes, not all of the page table')
    .option('--no-ad-bits', 'hardware that sets no A and D: leaves are access-tracked')
    .option('--pml', 'hardware that logs what it sets D for: harvests clear D, not W')
    .option('--aging', 'have the host ask all the time which pages were used')
    .option('--json', 'print one JSON object')
    .action(async (trace: string | undefined, options: Options) => {
      exit(await run(trace, options));
    });

async function run(traceFile: string | undefined, options: Options): Promise<number> {
  if (traceFile !== undefined && options.guest !== undefined) {
    throw new UsageError(`expected a TRACE or --guest, got both: ${traceFile}, ${options.guest}`);
  }
  if (options.pml && !options.adBits) {
    throw new UsageError('expected --pml or --no-ad-bits, got both: PML logs what D is set for');
  }
  const progress = new Progress();
  try {
    const source = options.guest ?? (await loadTrace(traceFile ?? bundledTrace(), progress));
    const reports: RunReport[] = [];
    for (const faultPath of options.path) {
      progress.show(`${faultPath}: running for ${options.seconds} s`);
      reports.push(await runOne(source, { ...runOptions(options), faultPath }));
    }
    progress.clear();
    const { json = false, migrate = false } = options;
    process.stdout.write(runReport(source, reports, { json, migrate }));
    return exitCode(source, reports);
  } finally {
    progress.clear();
  }
}

function exitCode(source: GuestName | LoadedTrace, reports: readonly RunReport[]): number {
  if (reports.some(({ integrity }) => !integrity.ok)) return EXIT_FINDING;
  return typeof source === 'string' ? EXIT_OK : inputCode(source.summary);
}

const runOne = (source: GuestName | LoadedTrace, options: RunOptions): Promise<RunReport> =>
  typeof source === 'string' ? runGuest(source, options) : runTrace(source.plan, options);

const runOptions = (options: Options): Omit<RunOptions, 'faultPath'> => ({
  seconds: options.seconds,
  migrate: options.migrate === true,
  downtimeMs: options.downtimeMs,
  pages: options.memory * PAGES_PER_MIB,
  eagerPageSplit: options.eagerPageSplit,
  slotZapAll: options.slotZapAll,
  adBits: options.adBits,
  pml: options.pml === true,
  aging: options.aging === true,
  ...(options.mmu === undefined ? {} : { mmu: options.mmu }),
  ...(options.thp ? { transparentHugepage: true } : {}),
  ...(options.dirtyLog === undefined ? {} : { dirtyLog: options.dirtyLog }),
  ...(options.vcpus === undefined ? {} : { vcpus: options.vcpus }),
});
