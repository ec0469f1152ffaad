// npm run soak: every fault path in turn under everything at once, until the time is up. Exit code 1 at the first word lost.
//
// Each turn runs, at random: which MMU, how many vCPUs, which guest, how much memory, in huge pages or not, by which of KVM's
// logs and how often it is harvested, whether the guest is migrated again and again, aged, swapped and moved about. In most
// turns three clients read the log, each comparing what it has with all memory, and snapshots are taken, compared with what the
// guest had written at that moment, rewound to or dropped, beside migration and host. Some turns play the bundled trace, and
// one guest has memory that the VMM moves, deletes and creates under running vCPUs.

import type { FaultPath, MmuKind } from '@faultline/mmu';
import {
  DIRTY_LOGS,
  GUESTS,
  type GuestName,
  type RunOptions,
  type RunReport,
  runGuest,
  runTrace,
} from '@faultline/runner';
import { Command } from 'commander';
import { EXIT_FINDING, EXIT_OK } from './exit.ts';
import { Progress } from './progress.ts';
import { count } from './table.ts';
import { bundledTrace, loadTrace } from './trace-input.ts';
import { number, whole } from './words.ts';

const PATHS: readonly FaultPath[] = ['slow', 'merged', 'current'];
const SECONDS_PER_TURN = 2;
/** A turn that is not over by then never will be. */
const WATCHDOG_MS = 120_000;
const TRACE = 'trace';

/** With PML no rings: what a vCPU's buffer holds may be more than a ring has room for. */
const HARDWARE_AND_LOGS = [{}, {}, { adBits: false }, { pml: true }].flatMap((hardware) =>
  DIRTY_LOGS.filter((log) => !('pml' in hardware && log === 'ring')).map((dirtyLog) => ({
    ...hardware,
    dirtyLog,
  })),
);

interface Options {
  readonly minutes: number;
  readonly seed: number;
}

const program = new Command('soak')
  .description('run all guests on all fault paths at random until the time is up')
  .option('--minutes <N>', 'how long', number(0.05, 10_000), 10)
  .option('--seed <N>', 'the same seed, the same turns', whole(0, 2 ** 31), 1)
  .action(async (options: Options) => {
    process.exitCode = await soak(options);
  });
await program.parseAsync();

async function soak({ minutes, seed }: Options): Promise<number> {
  const choose = chooser(seed);
  const { plan } = await loadTrace(bundledTrace(), new Progress());
  const end = Date.now() + minutes * 60_000;
  const totals = new Map<string, number>();
  for (let turn = 0; Date.now() < end; turn++) {
    const name = choose<'trace' | GuestName>([TRACE, ...(Object.keys(GUESTS) as GuestName[])]);
    // Who copies, compares or rewinds memory pauses the vCPUs; the host drops pages in the turns without.
    const watched = choose([true, true, false]);
    const options: RunOptions = withMmu(choose<MmuKind>(['tdp', 'tdp', 'legacy']), {
      faultPath: PATHS[turn % PATHS.length] as FaultPath,
      faultLock: choose(['shared', 'shared', 'exclusive'] as const),
      seconds: SECONDS_PER_TURN,
      vcpus: choose(name === TRACE ? [1, 2] : [1, 2, 2, 3, 4]),
      pages: choose([64, 512, 4096]),
      harvestsPerSecond: choose([20, 100, 500]),
      migrate: watched && choose([true, true, false]),
      readers: watched ? 2 : 0,
      snapshots: watched && choose([true, true, false]),
      dirtyRing: choose([8, 128, 1024]),
      hostActs: choose([true, false]),
      ...(name === TRACE ? {} : { transparentHugepage: choose([true, false]) }),
      eagerPageSplit: choose([true, false]),
      slotZapAll: choose([true, true, false]),
      ...choose(HARDWARE_AND_LOGS),
      aging: choose([true, false]),
    });
    const watchdog = setTimeout(() => hung(turn, name, options), WATCHDOG_MS);
    const report = await (name === TRACE ? runTrace(plan, options) : runGuest(name, options));
    clearTimeout(watchdog);
    add(totals, report);
    if (!report.integrity.ok) {
      const seen = { ...report.integrity, lostWrites: report.integrity.lostWrites };
      process.stdout.write(
        `turn ${turn}: ${name} ${JSON.stringify(options)}\n${JSON.stringify(seen)}\n`,
      );
      process.stdout.write(`again: npm run soak -- --seed ${seed} --minutes ${minutes}\n`);
      return EXIT_FINDING;
    }
    process.stdout.write(
      `turn ${turn}: ${report.mmu} ${options.faultPath} ${options.faultLock}, ${report.dirtyLog} log, ${name}, ${options.vcpus} vCPUs, ` +
        `${count(report.pages)} pages: ${count(report.stat.pf_taken)} faults, ${report.migrations.length} migrations, ` +
        `${report.snapshots?.taken ?? 0} snapshots: nothing lost\n`,
    );
  }
  for (const [name, value] of totals)
    process.stdout.write(`${name.padEnd(34)}${count(value).padStart(16)}\n`);
  return EXIT_OK;
}

/** The legacy MMU holds its lock exclusively. */
function withMmu(mmu: MmuKind, options: RunOptions): RunOptions {
  return mmu === 'tdp' ? options : { ...options, mmu, faultLock: 'exclusive' };
}

function hung(turn: number, name: string, options: RunOptions): never {
  process.stdout.write(`turn ${turn}: HUNG: ${name} ${JSON.stringify(options)}\n`);
  process.exit(EXIT_FINDING);
}

function add(totals: Map<string, number>, report: RunReport): void {
  const { stat, integrity, migrations, ksm, slots, host, aging, harvests } = report;
  const { readers, snapshots } = report;
  const counts: Record<string, number> = {
    turns: 1,
    faults: stat.pf_taken,
    'repaired without the lock': stat.pf_fast,
    'found repaired already': stat.pf_spurious,
    'lost the exchange': stat.pf_fast_retry,
    'mapped under mmu_lock': stat.pf_slow,
    'overtaken by an invalidation': stat.pf_retry,
    'TLB flushes served': stat.tlb_flush,
    'waits for room in a ring': stat.dirty_ring_exits,
    harvests: harvests.length,
    migrations: migrations.length,
    'pages sent': migrations.flatMap(({ rounds }) => rounds).reduce((sum, pages) => sum + pages, 0),
    'pages copied by other clients': readers?.copied ?? 0,
    'their copies compared, all equal': readers?.compared ?? 0,
    'snapshots taken': snapshots?.taken ?? 0,
    'pages kept by them': snapshots?.pages ?? 0,
    'words compared with the moment': snapshots?.compared ?? 0,
    'rewinds to a snapshot': snapshots?.restored ?? 0,
    'pages that these changed': snapshots?.pagesRestored ?? 0,
    'A set by hardware': stat.hw_accessed,
    'D set by hardware': stat.hw_dirty,
    'pages found young': aging?.young ?? 0,
    'pages found old': aging?.old ?? 0,
    'pages merged': ksm?.merged ?? 0,
    'merges that the guest overtook': ksm?.raced ?? 0,
    'pages swapped out': host?.swappedOut ?? 0,
    'pages brought in': host?.broughtIn ?? 0,
    'pages moved': host?.moved ?? 0,
    'pages kept for a while': host?.kept ?? 0,
    'ranges read-only for a while': host?.protectedRanges ?? 0,
    'stores that waited for the VMM': stat.pf_efault,
    'pages dropped': host?.dropped ?? 0,
    'memslots created': slots?.created ?? 0,
    '  read-only': slots?.readonly ?? 0,
    'memslots deleted': slots?.deleted ?? 0,
    'memslots moved': slots?.moved ?? 0,
    'accesses to no memory': stat.pf_emulate,
    'words compared, all equal': integrity.words * (1 + migrations.length),
  };
  for (const [name, value] of Object.entries(counts)) {
    totals.set(name, (totals.get(name) ?? 0) + value);
  }
}

/** Picks one of a list at random, the same ones for the same seed. */
function chooser(seed: number): <Item>(items: readonly Item[]) => Item {
  let state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  return (items) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return items[(state >>> 0) % items.length] as (typeof items)[number];
  };
}
