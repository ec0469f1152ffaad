// Runs a guest on real threads for a while and says what came of it.
import type { RecordableHistogram } from 'node:perf_hooks';
import { createHistogram } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { connectThread } from '@faultline/atomics';
import {
  createMemslot,
  type FaultLock,
  type FaultPath,
  type Gfn,
  type Hvn,
  KVM_MEM_LOG_DIRTY_PAGES,
  type MmuKind,
  type VcpuStat,
  type VmOptions,
} from '@faultline/mmu';
import type { AgingStat } from './ager.ts';
import { stopAll } from './control.ts';
import { type DirtyLog, dirtyLogConfig, dirtyLogOf } from './dirty-log.ts';
import { fill } from './fill.ts';
import { GUESTS, type GuestName } from './guests/guests.ts';
import type { HostStat } from './host-agent.ts';
import { BEGUN, type Job, type LockReport, type MigrateSetup, type WorkerReport } from './job.ts';
import type { KsmStat } from './ksmd.ts';
import type { LogReaderStat } from './log-readers.ts';
import {
  AGENTS,
  createMachine,
  createPages,
  type Machine,
  MOST_VCPUS,
  type Region,
} from './machine.ts';
import { timerCost, type VcpuReport } from './meter.ts';
import type { MigrationResult } from './migration.ts';
import type { SlotStat } from './slot-changer.ts';
import type { SnapshotStat } from './snapshot-taker.ts';
import type { TracePlan } from './trace-plan.ts';
import { type Verdict, verify } from './verify.ts';

const workerFile = new URL('./machine-worker.js', import.meta.url);
export const RAM_GFN = 0x10000;

export interface RunOptions {
  readonly faultPath: FaultPath;
  readonly faultLock?: FaultLock;
  /** Which MMU maps the guest; a trace tells by its events. The legacy one holds mmu_lock exclusively. */
  readonly mmu?: MmuKind;
  /** The host backs memory by huge pages where it can; a trace says by itself. */
  readonly transparentHugepage?: boolean;
  /** Does the guest's hardware set A and D, and log what it sets D for? Yes and no if absent. */
  readonly adBits?: boolean;
  readonly pml?: boolean;
  /** The host asks all the time which pages were used. */
  readonly aging?: boolean;
  /** False: large leaves are split by the first fault on each, not when logging begins. */
  readonly eagerPageSplit?: boolean;
  /** False: a memslot that goes or moves takes what it maps alone, not the whole page table. */
  readonly slotZapAll?: boolean;
  /** How long, not counting set-up and the final comparison. A trace is played in whole passes, three at least. */
  readonly seconds: number;
  /** Number of vCPUs; a trace has its own, which this can only lower. */
  readonly vcpus?: number;
  /** Migrate into a second memory: the guest's again and again, a trace's in each stretch that it logged. */
  readonly migrate?: boolean;
  /** The guest may stand still this long at the end of a migration. Milliseconds; local copies are fast. */
  readonly downtimeMs?: number;
  /** Pages of the guest's memory, where the guest does not say. */
  readonly pages?: number;
  /** How what is written is logged: the bitmap, or as the trace was recorded, if not said. */
  readonly dirtyLog?: DirtyLog;
  /** Entries of each vCPU's ring, a power of two; 1024, or as the trace was recorded, if not said. */
  readonly dirtyRing?: number;
  /** A thread of the host swaps, moves, keeps and protects the guest's pages at random; of guest programs only. */
  readonly hostActs?: boolean;
  /** Clients of the dirty log beside the migration, each of which must end up with all of memory; of guest programs only. */
  readonly readers?: number;
  /** Snapshots are taken, compared, rewound to and dropped all the time; of guest programs only. */
  readonly snapshots?: boolean;
  /** Overrides the guest's own. */
  readonly harvestsPerSecond?: number;
}

export interface RunReport {
  readonly faultPath: FaultPath;
  readonly dirtyLog: DirtyLog;
  readonly mmu: MmuKind;
  readonly vcpus: number;
  readonly pages: number;
  /** Passes over a trace, the first of which warms up; 0 for a guest program. */
  readonly passes: number;
  /** Faults of all vCPUs, by kind, the warm-up left out. */
  readonly stat: VcpuStat;
  /** Nanoseconds of write-protection faults, each timed: the clock's own cost is in them. */
  readonly latency: {
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly p9999: number;
    readonly max: number;
    readonly count: number;
  };
  /** What the clock adds to each of them, in nanoseconds. */
  readonly timerNs: number;
  /**
   * Nanoseconds per fault in batches without a clock inside, the guest's own work included; undefined where the guest
   * does more of that than of faulting.
   */
  readonly meanNs: number | undefined;
  /** Nanoseconds per fault of any kind among those timed, the clock's cost taken off; undefined where none was timed. */
  readonly timedMeanNs: number | undefined;
  /**
   * Each vCPU's time in faults: milliseconds while measuring (timed faults, scaled to all), and for how long that was;
   * undefined where it had faults and none was timed.
   */
  readonly stall: readonly { readonly ms: number | undefined; readonly ofMs: number }[];
  readonly lock: LockReport;
  readonly harvests: readonly number[];
  readonly migrations: readonly MigrationResult[];
  readonly ksm: KsmStat | undefined;
  readonly host: HostStat | undefined;
  readonly aging: AgingStat | undefined;
  /** What the dirty log's other clients and the snapshots found, where there were any. */
  readonly readers: LogReaderStat | undefined;
  readonly snapshots: SnapshotStat | undefined;
  /** What the VMM did to the guest's memslots, where it did. */
  readonly slots: SlotStat | undefined;
  readonly integrity: Integrity;
}

export interface Integrity extends Verdict {
  /** What guests found when they read back their own words: must be empty. */
  readonly lostWrites: readonly string[];
  /** Merged pages that changed under their sharers: must be 0. */
  readonly changedMergedPages: number;
  /** Pages that the host kept as they were, and that were not so any more: must be 0. */
  readonly changedKeptPages: number;
  /** Times that memory changed while it was away from the guest, or read-only: must be 0. */
  readonly changedAway: number;
  /** Words in which a client of the dirty log, or a snapshot, differed from what the guest had: must be 0. */
  readonly readerDifferences: number;
  readonly snapshotDifferences: number;
  /** Words that differed between a migration's source and destination: must be 0. */
  readonly migrationDifferences: number;
  readonly ok: boolean;
}

/** Runs one of the guest programs. Throws a RangeError for what cannot be. */
export async function runGuest(name: GuestName, options: RunOptions): Promise<RunReport> {
  const kind = GUESTS[name];
  const pages = kind.pages ?? options.pages ?? 4096;
  const vcpus = options.vcpus ?? 2;
  const region: Region = { slot: 0, gfn: RAM_GFN, npages: pages, hvn: 0 };
  const plugged = kind.plug ? pluggedBeside(region) : undefined;
  const hostPages = pages + (plugged?.npages ?? 0);
  const machine = createMachine(vmOptions(options, vcpus, hostPages));
  const mayRewind = kind.remembers !== true;
  const snapshots = options.snapshots ? { region, restores: mayRewind } : undefined;
  const readers = options.readers ?? 0;
  const flags = KVM_MEM_LOG_DIRTY_PAGES;
  setUpGuest(machine, region, { plugged, ksm: kind.ksm === true, flags });
  const harvestsPerSecond = options.harvestsPerSecond ?? kind.harvestsPerSecond;
  const warmUpMs = options.seconds * 200;
  const regions = plugged ? [region, plugged] : [region];
  const jobs: Job[] = Array.from({ length: vcpus }, (_, vcpu) => {
    return { machine, role: 'vcpu', vcpu, program: name, regions, warmUpMs };
  });
  const migrate = migrateSetup(options, hostPages);
  const duties = { harvestsPerSecond, migrate, readers, snapshots };
  jobs.push({ machine, role: 'vmm', regions: [region], ...duties });
  if (kind.ksm) jobs.push({ machine, role: 'ksmd', regions });
  // These pause the vCPUs, which one thread may do: then nothing is dropped.
  const pauses = migrate !== undefined || readers > 0 || snapshots !== undefined;
  const drops = !pauses && mayRewind;
  if (options.hostActs) jobs.push({ machine, role: 'host', region, drops });
  if (options.aging) jobs.push({ machine, role: 'ager', regions });
  if (plugged) jobs.push({ machine, role: 'plug', region: plugged });
  const reports = await runWorkers(machine, jobs, options.seconds);
  return summarize(options, machine, reports);
}

/** A quarter as much memory once more, behind the other and far enough from it. */
const pluggedBeside = ({ slot, gfn, npages, hvn }: Region): Region => ({
  slot: slot + 1,
  gfn: gfn + 2 * npages,
  npages: Math.ceil(npages / 4),
  hvn: hvn + npages,
});

/** Plays a trace. Throws a RangeError for what cannot be. */
export async function runTrace(plan: TracePlan, options: RunOptions): Promise<RunReport> {
  const vcpus = options.vcpus ?? Math.min(plan.vcpus, MOST_VCPUS);
  if (vcpus > plan.vcpus) {
    throw new RangeError(`expected at most the trace's ${plan.vcpus} vCPUs, got ${vcpus}`);
  }
  const { transparentHugepage, dirtyLog, dirtyRing, mmu } = plan;
  const machine = createMachine(
    vmOptions({ transparentHugepage, dirtyLog, dirtyRing, mmu, ...options }, vcpus, plan.hostPages),
  );
  const restore = plan.mergeable.length > 0;
  const jobs: Job[] = Array.from({ length: vcpus }, (_, vcpu) => {
    const tracks = plan.touches
      .map((touches, recorded) => ({ touches, recorded }))
      .filter(({ recorded }) => recorded % vcpus === vcpu)
      .map(({ touches, recorded }) => ({
        touches,
        upTo: plan.steps.map((step) => step.touched[recorded] as number),
      }));
    return { machine, role: 'player', vcpu, tracks, restore };
  });
  const { steps } = plan;
  const { seconds } = options;
  const migrate = migrateSetup(options, plan.hostPages);
  jobs.push({ machine, role: 'script', steps, seconds, migrate });
  if (restore) jobs.push({ machine, role: 'ksmd', regions: plan.mergeable });
  const regions = [{ hvn: 0, npages: plan.hostPages }];
  if (options.aging) jobs.push({ machine, role: 'ager', regions });
  const reports = await runWorkers(machine, jobs);
  return summarize(options, machine, reports);
}

const vmOptions = (options: RunOptions, vcpus: number, hostPages: number): VmOptions => ({
  vcpus,
  hostPages,
  faultPath: options.faultPath,
  faultLock: options.faultLock ?? (options.mmu === 'legacy' ? 'exclusive' : 'shared'),
  mmu: options.mmu ?? 'tdp',
  transparentHugepage: options.transparentHugepage ? 'always' : 'never',
  eagerPageSplit: options.eagerPageSplit ?? true,
  slotZapAll: options.slotZapAll ?? true,
  adBits: options.adBits ?? true,
  pml: options.pml ?? false,
  dirtyClients: 1 + Math.max(1, options.readers ?? 0),
  // A snapshot may come to hold as much as the guest has.
  ...(options.snapshots && { pageFrames: 2 * hostPages + (hostPages >> 3) + 64 }),
  ...dirtyLogConfig(options.dirtyLog ?? 'bitmap', options.dirtyRing),
});

const migrateSetup = (options: RunOptions, pages: number): MigrateSetup | undefined =>
  options.migrate === true
    ? { destination: createPages(pages), downtimeMs: options.downtimeMs ?? 1, maxRounds: 30 }
    : undefined;

/** Gives a guest its memory, logged from the start or not; what is plugged in beside is not. */
export function setUpGuest(
  machine: Machine,
  region: Region,
  {
    ksm,
    flags,
    plugged,
  }: { readonly ksm: boolean; readonly flags: number; readonly plugged?: Region | undefined },
): void {
  const mem = connectThread(machine.memory, machine.vm.vcpus + AGENTS.main);
  const create = ({ slot: id, gfn, npages, hvn }: Region, flags: number): void =>
    createMemslot(mem, machine.vm, {
      id,
      baseGfn: gfn as Gfn,
      npages,
      hvn: hvn as Hvn,
      flags,
    });
  create(region, flags);
  if (plugged !== undefined) create(plugged, 0);
  if (!ksm) return;
  fill(mem, machine, region);
  mem.store32(machine.control.ksm, 1);
}

/** Starts a worker per job and waits for all; stops them `seconds` after the last has begun, if given, or if one fails. */
export async function runWorkers(
  machine: Machine,
  jobs: readonly Job[],
  seconds?: number,
  allBegun: () => void = () => {},
): Promise<WorkerReport[]> {
  const mem = connectThread(machine.memory, machine.vm.vcpus + AGENTS.main);
  const workers = jobs.map((job) => ({ job, worker: new Worker(workerFile, { workerData: job }) }));
  let timer: ReturnType<typeof setTimeout> | undefined;
  let absent = workers.length;
  const begun = (): void => {
    if (--absent > 0) return;
    allBegun();
    if (seconds === undefined) return;
    timer = setTimeout(() => stopAll(mem, machine.control), seconds * 1000);
  };
  try {
    return await Promise.all(workers.map(({ job, worker }) => reportOf(worker, job, begun)));
  } finally {
    clearTimeout(timer);
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
  }
}

/** What a worker says at its end. Rejects, naming the thread, when it ends without. */
function reportOf(worker: Worker, job: Job, begun: () => void): Promise<WorkerReport> {
  return new Promise((resolve, reject) => {
    const fail = (got: string, cause?: unknown): void =>
      reject(new Error(`${threadName(job)}: ${got}`, { cause }));
    worker.on('message', (message: WorkerReport | typeof BEGUN) => {
      if (message === BEGUN) begun();
      else resolve(message);
    });
    worker.on('error', (error) => fail((error as Error).message, error));
    worker.on('exit', (code) => fail(`expected a report, got an end with exit code ${code}`));
  });
}

function threadName(job: Job): string {
  if (job.role === 'vcpu' || job.role === 'player') return `vCPU ${job.vcpu}`;
  if (job.role === 'vmm' || job.role === 'script') return 'VMM';
  return job.role === 'plug' ? 'VMM, memslots' : job.role;
}

function summarize(
  options: RunOptions,
  machine: Machine,
  reports: readonly WorkerReport[],
): RunReport {
  const vcpus = reports.flatMap(({ vcpu }) => vcpu ?? []);
  const vmm = reports.flatMap((report) => report.vmm ?? []);
  const [ksm] = reports.flatMap((report) => report.ksm ?? []);
  const [host] = reports.flatMap((report) => report.host ?? []);
  const [aging] = reports.flatMap((report) => report.aging ?? []);
  const [slots] = reports.flatMap((report) => report.slots ?? []);
  const migrations = vmm.flatMap((report) => report.migrations);
  const [readers] = vmm.flatMap((report) => report.readers ?? []);
  const [snapshots] = vmm.flatMap((report) => report.snapshots ?? []);
  const histogram = createHistogram({ lowest: 1, highest: 10_000_000_000, figures: 3 });
  for (const vcpu of vcpus) histogram.add(vcpu.histogram);
  const batchMs = sum(vcpus.map((vcpu) => vcpu.batchMs));
  const timerNs = timerCost();
  const batchFaults = sum(vcpus.map((vcpu) => vcpu.batchFaults));
  return {
    faultPath: options.faultPath,
    dirtyLog: dirtyLogOf(machine.vm),
    mmu: machine.vm.mmu,
    vcpus: vcpus.length,
    pages: machine.vm.hostPages,
    passes: sum(vmm.map((report) => report.passes)),
    stat: addUp(vcpus.map((vcpu) => vcpu.stat)),
    latency: percentiles(histogram),
    timerNs,
    meanNs: batchFaults === 0 ? undefined : (batchMs * 1e6) / batchFaults,
    timedMeanNs: timedMean(vcpus, timerNs),
    stall: vcpus.map((vcpu) => ({ ms: stallMs(vcpu, timerNs), ofMs: vcpu.measuredMs })),
    lock: addUp(reports.map(({ lock }) => lock)),
    harvests: vmm.flatMap((report) => report.harvests),
    migrations,
    ksm,
    slots,
    host,
    aging,
    readers,
    snapshots,
    integrity: judge(
      verify(machine),
      vcpus.flatMap(({ lostWrite }) => lostWrite ?? []),
      {
        changedMergedPages: ksm?.changed ?? 0,
        changedKeptPages: host?.changed ?? 0,
        changedAway: slots?.changed ?? 0,
        readerDifferences: readers?.differences ?? 0,
        snapshotDifferences: snapshots?.differences ?? 0,
      },
      sum(migrations.map(({ differences }) => differences)),
    ),
  };
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

function timedMean(vcpus: readonly VcpuReport[], timerNs: number): number | undefined {
  const faults = sum(vcpus.map(({ timedFaults }) => timedFaults));
  const ms = sum(vcpus.map(({ stallMs }) => stallMs));
  return faults === 0 ? undefined : Math.max(0, (ms * 1e6) / faults - timerNs);
}

function stallMs(vcpu: VcpuReport, timerNs: number): number | undefined {
  if (vcpu.stat.pf_taken === 0) return 0;
  const mean = timedMean([vcpu], timerNs);
  return mean === undefined ? undefined : (mean * vcpu.stat.pf_taken) / 1e6;
}

const percentiles = (histogram: RecordableHistogram): RunReport['latency'] => ({
  p50: histogram.percentile(50),
  p99: histogram.percentile(99),
  p999: histogram.percentile(99.9),
  p9999: histogram.percentile(99.99),
  max: histogram.max,
  count: histogram.count,
});

function addUp<Counts extends object>(all: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, value] of Object.entries(counts)) total[name] = (total[name] ?? 0) + value;
  }
  return total as Counts;
}

function judge(
  verdict: Verdict,
  lostWrites: readonly string[],
  changed: Omit<Integrity, keyof Verdict | 'lostWrites' | 'migrationDifferences' | 'ok'>,
  migrationDifferences: number,
): Integrity {
  const wrong =
    verdict.wrongWords + verdict.wrongSptes + sum(Object.values(changed)) + migrationDifferences;
  const ok = wrong === 0 && !verdict.damagedFrame && lostWrites.length === 0;
  return { ...verdict, lostWrites, ...changed, migrationDifferences, ok };
}
