// Write-protection faults: fast against slow, alone and under harvests, and against the same work in C++.
import type { FaultPath } from '@faultline/mmu';
import { type RunReport, runGuest } from '@faultline/runner';
import { nanoseconds } from '../table.ts';
import type { Bar } from './bar.ts';
import { Floor } from './floor.ts';
import { quantile } from './quantile.ts';
import { type RoundResult, timeRounds, type Variant } from './rounds.ts';
import { verbsOfFastFault } from './verbs.ts';

const PAGES = 8192;
const FAST: Variant = { faultPath: 'current', faultLock: 'shared', work: 'fault' };
const SLOW: Variant = { faultPath: 'slow', faultLock: 'shared', work: 'fault' };
const EXCLUSIVE: Variant = { faultPath: 'slow', faultLock: 'exclusive', work: 'fault' };
const ACCESS: Variant = { faultPath: 'current', faultLock: 'shared', work: 'access' };

/** The harvester is idle while it is timed. */
export async function equalFaults(rounds: number): Promise<Bar[]> {
  const bars: Bar[] = [];
  for (const vcpus of [1, 2]) {
    const results = await timeRounds([FAST, SLOW, EXCLUSIVE], { vcpus, pages: PAGES, rounds });
    const [fast, slow, exclusive] = results as [RoundResult, RoundResult, RoundResult];
    const detail = (other: RoundResult): string =>
      fast.rounds === 0 || other.rounds === 0
        ? 'no round in which all vCPUs ran at once: the machine is busy'
        : `${nanoseconds(other.nsPerFault)} : ${nanoseconds(fast.nsPerFault)}, ${fast.rounds} rounds`;
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

/** Two vCPUs write at random while the log is harvested 500 times a second. */
export async function tailLatency(): Promise<Bar[]> {
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
 * The C++ and the TypeScript take turns, some milliseconds each. Of both, the tenth percentile: a neighbour on the other
 * hyperthread of a core costs C++, which waits for its two locked instructions, less than TypeScript, which issues many others.
 */
export async function againstCpp(rounds: number): Promise<Bar[]> {
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
