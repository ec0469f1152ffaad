// The parts of `faultline bench`, by the names that --only takes, in the order in which they are measured and printed.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { figure, nanoseconds } from '../table.ts';
import type { Bar } from './bar.ts';
import { clientBars } from './clients.ts';
import { againstCpp, equalFaults, tailLatency } from './fault-bars.ts';
import { largePageBars } from './large-pages.ts';
import { measureOnThread } from './measure-on-thread.ts';
import { overheadBars, overheadOf } from './memory-overhead.ts';
import { timeMigration } from './migration.ts';
import { quantile } from './quantile.ts';
import { RESUME_MIB, timeResume } from './resume.ts';
import { scalingBars, timeScaling } from './scaling.ts';
import { snapshotBars } from './snapshot.ts';
import type { TlbResult } from './tlb.ts';

const tlbWorker = new URL('../tlb-worker.js', import.meta.url);
const MIGRATION_TURNS = 9;

export const PART_NAMES = [
  'faults',
  'tail',
  'cpp',
  'tlb',
  'resume',
  'migration',
  'snapshot',
  'memory',
  'clients',
  'vcpus',
  'large-pages',
] as const;
export type Part = (typeof PART_NAMES)[number];

/** What each measures, in as many rounds where it goes by rounds. */
export const PARTS: Readonly<Record<Part, (rounds: number) => Promise<Bar[]>>> = {
  faults: equalFaults,
  tail: tailLatency,
  cpp: againstCpp,
  tlb: againstTypedArray,
  resume: resumeWrites,
  migration: migrationThroughput,
  snapshot: async () => snapshotBars(await measureOnThread('snapshot')),
  memory: async () => overheadBars(overheadOf('never'), overheadOf('always')),
  clients: async () => clientBars(await measureOnThread('clients')),
  vcpus: async (rounds) => scalingBars(await timeScaling(rounds)),
  'large-pages': async () => largePageBars(await measureOnThread('large-pages')),
};

/** Accesses that find their page in the TLB. */
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

/** The micro-benchmark of 2012. */
async function resumeWrites(): Promise<Bar[]> {
  const [off = Number.NaN, on = Number.NaN] = timeResume([
    { faultPath: 'slow' },
    { faultPath: 'current' },
  ]).map(({ writeMs }) => writeMs);
  return [
    {
      name: `writing ${RESUME_MIB} MiB after logging began, off : on`,
      value: off / on,
      detail: `${figure(off)} ms : ${figure(on)} ms (2012: 538 : 250 ms, 2.15)`,
    },
  ];
}

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
