// faultline bench: what the fast path is worth, as ratios within one run.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FaultPath } from '@faultline/mmu';
import { type RunReport, runGuest } from '@faultline/runner';
import { Command } from 'commander';
import { Floor } from '../bench/floor.ts';
import { timeMigration } from '../bench/migration.ts';
import { RESUME_MIB, timeResume } from '../bench/resume.ts';
import { quantile, type RoundResult, timeRounds, type Variant } from '../bench/rounds.ts';
import type { TlbResult } from '../bench/tlb.ts';
import { verbsOfFastFault } from '../bench/verbs.ts';
import { Progress } from '../progress.ts';
import { figure, formatTable, nanoseconds, type Row } from '../table.ts';
import { whole } from '../words.ts';

const tlbWorker = new URL('../tlb-worker.js', import.meta.url);

interface Options {
  readonly rounds: number;
  readonly json?: true;
}

/** One figure that somebody may hold us to. `bar` is the most, or with `atLeast` the least, that it should be. */
interface Bar {
  readonly name: string;
  readonly value: number | undefined;
  readonly bar?: number;
  readonly atLeast?: true;
  readonly detail: string;
}

const PAGES = 8192;
const MIGRATION_TURNS = 9;
const FAST: Variant = { faultPath: 'current', faultLock: 'shared', work: 'fault' };
const SLOW: Variant = { faultPath: 'slow', faultLock: 'shared', work: 'fault' };
const EXCLUSIVE: Variant = { faultPath: 'slow', faultLock: 'exclusive', work: 'fault' };
const ACCESS: Variant = { faultPath: 'current', faultLock: 'shared', work: 'access' };

export const benchCommand = (): Command =>
  new Command('bench')
    .description('measure the fast path against the slow one, and against C++')
    .option('--rounds <N>', 'rounds of each comparison', whole(5, 100_000), 60)
    .option('--json', 'print one JSON object')
    .action(async (options: Options) => {
      const bars = await bench(options.rounds, new Progress());
      const text = options.json
        ? JSON.stringify({ schema: 'faultline/bench', version: 1, bars })
        : render(bars);
      process.stdout.write(`${text}\n`);
    });

async function bench(rounds: number, progress: Progress): Promise<Bar[]> {
  const steps: [string, () => Promise<Bar[]>][] = [
    ['rounds of equal faults', () => equalFaults(rounds)],
    ['tail latency', tailLatency],
    ['C++', () => againstCpp(rounds)],
    ['TLB hits', againstTypedArray],
    ['resuming writes', resumeWrites],
    ['migration', migrationThroughput],
  ];
  const bars: Bar[] = [];
  for (const [name, step] of steps) {
    progress.show(`bench: ${name}`);
    bars.push(...(await step()));
  }
  progress.clear();
  return bars;
}

/** (a) The harvester is idle while it is timed. */
async function equalFaults(rounds: number): Promise<Bar[]> {
  const bars: Bar[] = [];
  for (const vcpus of [1, 2]) {
    const results = await timeRounds([FAST, SLOW, EXCLUSIVE], { vcpus, pages: PAGES, rounds });
    const [fast, slow, exclusive] = results as [RoundResult, RoundResult, RoundResult];
    const detail = (other: RoundResult): string =>
      `${nanoseconds(other.nsPerFault)} : ${nanoseconds(fast.nsPerFault)}, ${fast.rounds} rounds`;
    bars.push(
      {
        name: `slow : current, ${vcpus} vCPU, read lock`,
        value: slow.nsPerFault / fast.nsPerFault,
        ...(vcpus === 2 ? { bar: 2.15, atLeast: true } : {}),
        detail: detail(slow),
      },
      {
        name: `slow : current, ${vcpus} vCPU, exclusive lock`,
        value: exclusive.nsPerFault / fast.nsPerFault,
        detail: detail(exclusive),
      },
    );
  }
  return bars;
}

/** (b) Two vCPUs write at random while the log is harvested 500 times a second. */
async function tailLatency(): Promise<Bar[]> {
  const reports = new Map<FaultPath, RunReport>();
  for (const faultPath of ['slow', 'current'] as const) {
    reports.set(
      faultPath,
      await runGuest('random', { faultPath, seconds: 5, harvestsPerSecond: 500, pages: 4096 }),
    );
  }
  const slow = reports.get('slow')?.latency;
  const current = reports.get('current')?.latency;
  if (slow === undefined || current === undefined) return [];
  return (['p50', 'p99', 'p999', 'p9999'] as const).map((p) => ({
    name: `slow : current, ${p} under 500 harvests/s`,
    value: slow[p] / current[p],
    detail: `${nanoseconds(slow[p])} : ${nanoseconds(current[p])}, the clock in both`,
  }));
}

/**
 * (c) The C++ and the TypeScript take turns, some milliseconds each. Of both, the tenth percentile: a neighbour on the other
 * hyperthread of a core costs C++, which waits for its two locked instructions, less than TypeScript, which issues many others.
 */
async function againstCpp(rounds: number): Promise<Bar[]> {
  const floor = await Floor.compile();
  const verbs = Object.entries(verbsOfFastFault()).map(([verb, n]) => `${n} ${verb}`);
  const [fault, access] = [await turns(FAST, rounds, floor), await turns(ACCESS, rounds, floor)];
  await floor?.remove();
  const ratio = ({ ns, floorNs }: Turns): number | undefined =>
    floor === undefined ? undefined : ns / floorNs;
  const detail = ({ ns, floorNs }: Turns): string =>
    `${nanoseconds(ns)} : ${floor === undefined ? 'no C++ compiler' : nanoseconds(floorNs)}`;
  return [
    {
      name: 'fast fault : the same in C++',
      value: ratio(fault),
      bar: 3,
      detail: `${detail(fault)}; ${verbs.join(', ')} : 4 loads, 1 cmpxchg, 1 or`,
    },
    {
      name: 'access, miss to refill : the fault in C++',
      value: ratio(access),
      detail: detail(access),
    },
  ];
}

interface Turns {
  readonly ns: number;
  readonly floorNs: number;
}

async function turns(variant: Variant, rounds: number, floor: Floor | undefined): Promise<Turns> {
  const cpp: number[] = [];
  const between = async (): Promise<void> => {
    if (floor !== undefined) cpp.push(await floor.nsPerFault());
  };
  const options = { vcpus: 1, pages: PAGES * 4, rounds: rounds * 5, between };
  const [result] = (await timeRounds([variant], options)) as [RoundResult];
  return { ns: result.undisturbedNs, floorNs: quantile(cpp, 0.1) };
}

/** (d) */
async function againstTypedArray(): Promise<Bar[]> {
  const [times] = (await once(new Worker(tlbWorker), 'message')) as [TlbResult];
  const { rawNs, readNs, writeNs } = times;
  return [
    {
      name: 'load, TLB hit : typed array',
      value: readNs / rawNs,
      bar: 5,
      detail: `${nanoseconds(readNs)} : ${nanoseconds(rawNs)}`,
    },
    {
      name: 'store, TLB hit : typed array',
      value: writeNs / rawNs,
      bar: 5,
      detail: `${nanoseconds(writeNs)} : ${nanoseconds(rawNs)}`,
    },
  ];
}

/** (e) */
async function resumeWrites(): Promise<Bar[]> {
  const [off = 0, on = 0] = timeResume(['slow', 'current']);
  return [
    {
      name: `writing ${RESUME_MIB} MiB after logging began, off : on`,
      value: off / on,
      detail: `${figure(off)} ms : ${figure(on)} ms (2012: 538 : 250 ms, 2.15)`,
    },
  ];
}

/** (f) */
async function migrationThroughput(): Promise<Bar[]> {
  const { plain, migration, ratios, cpuRatios } = await timeMigration(MIGRATION_TURNS);
  const rate = (of: readonly number[]): string => `${quantile(of, 0.5).toFixed(2)} GB/s`;
  return [
    {
      name: 'migration of random pages : plain copy',
      value: quantile(ratios, 0.5),
      bar: 0.8,
      atLeast: true,
      detail: `${rate(migration)} : ${rate(plain)} over a unix socket, ${ratios.length} turns; processor time ${quantile(cpuRatios, 0.5).toFixed(2)}`,
    },
  ];
}

function render(bars: readonly Bar[]): string {
  const rows = bars.map(({ name, value, bar, atLeast, detail }): Row => {
    const limit = bar === undefined ? '' : `${atLeast ? '>=' : '<='} ${bar}`;
    return {
      name,
      cells: [
        value === undefined ? '-' : value.toFixed(2),
        limit,
        verdict(value, bar, atLeast),
        ` ${detail}`,
      ],
    };
  });
  return formatTable(['ratio', 'bar', '', ''], rows, { leftAligned: [3] });
}

function verdict(value: number | undefined, bar: number | undefined, atLeast?: true): string {
  if (value === undefined || bar === undefined) return '';
  return (atLeast ? value >= bar : value <= bar) ? 'met' : 'MISSED';
}
