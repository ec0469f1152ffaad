// faultline migrate: a guest program, from one process to another.
import type { MigrationInfo } from '@faultline/machine';
import {
  DIRTY_LOGS,
  type DirtyLog,
  GUESTS,
  type GuestName,
  MOST_PAGES,
  MOST_VCPUS,
} from '@faultline/runner';
import { Command } from 'commander';
import { EXIT_FINDING, EXIT_OK, UsageError } from '../exit.ts';
import { type Endpoint, endpoint } from '../migrate/endpoint.ts';
import { interruptible } from '../migrate/interrupt.ts';
import { COMPRESSIONS, type CompressionName, compressionNamed } from '../migrate/node-side.ts';
import { receive } from '../migrate/receive.ts';
import { destinationReport, progressLine, sourceReport } from '../migrate/report.ts';
import { send } from '../migrate/send.ts';
import { number, oneOf, whole } from '../words.ts';

const PAGES_PER_MIB = 256;
const NAMES = Object.keys(GUESTS) as GuestName[];
const STRATEGIES = ['cancel', 'ignore'] as const;
const STATUSES = {
  'postcopy-active': 'the guest runs here, pages of it are still to come',
  'postcopy-paused': 'the connection broke, waiting for the source to come back',
} as const;
const MODES = ['precopy', 'postcopy'] as const;

interface Options {
  readonly listen?: Endpoint;
  readonly snapshot?: string;
  readonly runS: number;
  readonly to?: Endpoint;
  readonly guest: GuestName;
  readonly vcpus: number;
  readonly memory: number;
  readonly warmUpMs: number;
  readonly downtimeMs: number;
  readonly bandwidthMbps?: number;
  readonly connections: number;
  readonly autoConverge?: true;
  readonly compress?: CompressionName;
  readonly timeoutS: number;
  readonly timeoutStrategy: (typeof STRATEGIES)[number];
  readonly memoryMode: (typeof MODES)[number];
  readonly postcopyAfterRounds: number;
  readonly recoverS: number;
  readonly dirtyLog: DirtyLog;
  readonly stallMs: number;
  readonly json?: true;
}

/** `exit` is told the exit code. */
export const migrateCommand = (exit: (code: number) => void): Command =>
  new Command('migrate')
    .option('--listen <WHERE>', 'wait for a guest at HOST:PORT or unix:PATH', endpoint)
    .option('--snapshot <FILE>', 'with --listen: write what came to a file')
    .option('--run-s <N>', 'with --listen: run the guest that came for so long', number(0, 1e6), 1)
    .option('--to <WHERE>', 'run a guest and migrate it to HOST:PORT or unix:PATH', endpoint)
    .option('--guest <NAME>', `which: ${NAMES.join(', ')}`, oneOf(NAMES), 'random')
    .option('--vcpus <N>', 'its virtual processors, a thread each', whole(1, MOST_VCPUS), 2)
    .option('--memory <MIB>', 'its memory', whole(1, Math.floor(MOST_PAGES / PAGES_PER_MIB)), 64)
    .option('--warm-up-ms <N>', 'how long it runs before it leaves', whole(0, 600_000), 500)
    .option('--downtime-ms <N>', 'how long it may stand still', whole(0, 60_000), 300)
    .option('--bandwidth-mbps <N>', 'megabits a second at most', number(0.001, 1e6))
    .option('--connections <N>', 'spread the pages over so many', whole(1, 128), 1)
    .option('--auto-converge', 'slow the vCPUs down while they write too fast')
    .option('--compress <NAME>', `one of ${COMPRESSIONS.join(', ')}`, oneOf(COMPRESSIONS))
    .option('--timeout-s <N>', 'how long until the rest must fit', number(0.1, 1e6), 3600)
    .option(
      '--timeout-strategy <NAME>',
      'then: cancel, or ignore the limit and stop the guest',
      oneOf(STRATEGIES),
      'cancel',
    )
    .option(
      '--memory-mode <NAME>',
      'precopy, or postcopy: it runs there before all its pages are there',
      oneOf(MODES),
      'precopy',
    )
    .option(
      '--postcopy-after-rounds <N>',
      'rounds under the running guest before that; 0: at once',
      whole(0, 1e6),
      1,
    )
    .option(
      '--recover-s <N>',
      'postcopy: how long a broken connection may take to come back',
      number(0, 1e6),
      30,
    )
    .option('--dirty-log <NAME>', `one of ${DIRTY_LOGS.join(', ')}`, oneOf(DIRTY_LOGS), 'bitmap')
    .option('--stall-ms <N>', 'give up when nothing moves for so long', whole(10, 1e7), 10_000)
    .option('--json', 'print one JSON object')
    .action(async (options: Options) => {
      exit(await migrate(options));
    });

function migrate(options: Options): Promise<number> {
  const { listen, to } = options;
  if ((listen === undefined) === (to === undefined)) {
    throw new UsageError(
      `expected --listen or --to, got ${listen === undefined ? 'none' : 'both'}`,
    );
  }
  if (listen !== undefined) return runDestination(listen, options);
  if (options.snapshot !== undefined) {
    throw new UsageError('expected --snapshot with --listen, got it with --to');
  }
  return runSource(to as Endpoint, options);
}

const say = (line: string): void => void process.stderr.write(`faultline: ${line}\n`);

async function runDestination(listen: Endpoint, options: Options): Promise<number> {
  const { snapshot, stallMs, runS, recoverS } = options;
  const result = await interruptible((signal) =>
    receive({
      listen,
      runS,
      recoverS,
      stallMs,
      signal,
      progress: (status) => say(`${status}: ${STATUSES[status]}`),
      listening: (where) => say(`waiting at ${where}`),
      ...(snapshot === undefined ? {} : { snapshot }),
    }),
  );
  const { received, guest } = result;
  const status = received.handedOver ? 'completed' : 'not-handed-over';
  print(
    options,
    { role: 'destination', status, ...received, ...(guest === undefined ? {} : { guest }) },
    destinationReport(result, snapshot),
  );
  if (guest?.ok === false) say(`expected the guest whole, got ${JSON.stringify(guest)}`);
  return received.handedOver && guest?.ok !== false ? EXIT_OK : EXIT_FINDING;
}

async function runSource(to: Endpoint, options: Options): Promise<number> {
  const { compress, bandwidthMbps, downtimeMs, memory, ...rest } = options;
  const progress = (info: MigrationInfo): void => say(progressLine(info));
  const { migration, guest } = await interruptible((signal) =>
    send({
      ...rest,
      to,
      signal,
      progress,
      pages: memory * PAGES_PER_MIB,
      downtimeLimitMs: downtimeMs,
      maxBandwidth: bandwidthMbps === undefined ? undefined : (bandwidthMbps * 1e6) / 8,
      compression: compress === undefined ? undefined : compressionNamed(compress),
    }),
  );
  print(options, { role: 'source', ...migration, guest }, sourceReport(migration));
  if (guest.ok) return EXIT_OK;
  say(`expected the guest whole, got ${JSON.stringify(guest)}`);
  return EXIT_FINDING;
}

function print({ json }: Options, value: object, text: string): void {
  const whole = { schema: 'faultline/migrate', version: 1, ...value };
  process.stdout.write(json ? `${JSON.stringify(whole)}\n` : text);
}
