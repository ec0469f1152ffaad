// The VMM's thread: harvests and migrates beside a running guest, or acts out a trace's script in step with the vCPUs.
import type { Shared } from '@faultline/atomics';
import {
  clearDirtyLog,
  createMemslot,
  deleteMemslot,
  type Gfn,
  type Hvn,
  KVM_MEM_LOG_DIRTY_PAGES,
  moveMemslot,
  setMemslotFlags,
  takeDirty,
} from '@faultline/mmu';
import { isStopped, sleep, stopAll } from './control.ts';
import {
  collectDirty,
  collectRings,
  endRings,
  isClearedByHand,
  serveFullRings,
  setBit,
  takeToCopy,
} from './dirty-log.ts';
import { fill } from './fill.ts';
import type { Job, MigrateSetup, VmmReport } from './job.ts';
import { LogReaders } from './log-readers.ts';
import type { Machine, Region } from './machine.ts';
import { Migration, type MigrationResult, migrate } from './migration.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import type { Action, Step } from './trace-plan.ts';

type VmmJob = Extract<Job, { role: 'vmm' }>;
type ScriptJob = Extract<Job, { role: 'script' }>;

const now = (): number => performance.now();
const PAUSE_BETWEEN_MIGRATIONS_MS = 20;
/** Clients of the dirty log: migration has one, whoever else reads it (a display, a snapshot) another. */
const READER = 1;

/** Harvests, and migrates again and again if asked to, until stopped. */
export function runVmm(mem: Shared, { machine, ...job }: VmmJob): VmmReport {
  const { vm, control } = machine;
  const { regions, snapshots, migrate: setup } = job;
  const readers = new LogReaders(mem, vm, regions, job.readers);
  const taker = snapshots && new SnapshotTaker(mem, machine, snapshots.region, snapshots.restores);
  const harvests: number[] = [];
  const migrations: MigrationResult[] = [];
  if (setup === undefined) harvestUntilStopped();
  else migrateUntilStopped(setup);
  taker?.close();
  endRings(mem, vm, regions);
  return {
    harvests,
    migrations,
    passes: 0,
    ...(job.readers > 0 && { readers: readers.stat }),
    ...(taker && { snapshots: taker.stat }),
  };

  function migrateUntilStopped({ destination, downtimeMs, maxRounds }: MigrateSetup): void {
    const beside = {
      began: () => readers.begin(),
      sent() {
        readers.take();
        taker?.step();
      },
      ending: () => readers.compare(now),
    };
    while (!isStopped(mem, control)) {
      const options = { downtimeMs, maxRounds, now, ...beside };
      migrations.push(migrate(mem, vm, regions, destination, options));
      taker?.step();
      sleepAndServe(mem, machine, PAUSE_BETWEEN_MIGRATIONS_MS);
    }
  }

  function harvestUntilStopped(): void {
    const period = 1000 / job.harvestsPerSecond;
    readers.begin();
    for (let due = now() + period; !isStopped(mem, control); due = Math.max(due + period, now())) {
      sleepAndServe(mem, machine, Math.max(0, due - now()));
      collectDirty(mem, vm, regions);
      harvests.push(job.readers > 0 ? readers.take() : takeAll(mem, machine, regions));
      if (harvests.length % HARVESTS_BETWEEN_SNAPSHOTS === 0) taker?.step();
    }
    readers.compare(now);
  }
}

const HARVESTS_BETWEEN_SNAPSHOTS = 4;

function takeAll(mem: Shared, { vm }: Machine, regions: readonly Region[]): number {
  return regions.reduce((sum, region) => sum + takeToCopy(mem, vm, region, READER, () => {}), 0);
}

/** How long a vCPU may wait for room in its ring, in milliseconds. */
const SERVE_RINGS_MS = 1;

/** Sleeps, but not beyond a stop; looks after full rings meanwhile. */
function sleepAndServe(mem: Shared, { vm, control }: Machine, ms: number): void {
  if (vm.dirtyRing === 0) {
    sleep(mem, control, ms);
    return;
  }
  for (const end = now() + ms; now() < end && !isStopped(mem, control); ) {
    sleep(mem, control, Math.min(SERVE_RINGS_MS, end - now()));
    serveFullRings(mem, vm);
  }
}

/** Acts the script out over and over for `seconds`, whole passes only, then stops everybody. */
export function runScript(mem: Shared, job: ScriptJob): VmmReport {
  const { machine, steps, migrate: setup } = job;
  const clears = steps.some(({ action }) => action.kind === 'clear');
  const director = new Director(mem, machine, { destination: setup?.destination, clears });
  const end = now() + job.seconds * 1000;
  let passes = 0;
  let epoch = 0;
  do {
    for (const step of steps) actOut(mem, machine, director, step, ++epoch, passes);
    passes++;
  } while (now() < end || passes < LEAST_PASSES);
  collectRings(mem, machine.vm); // of slots that have gone: for the next to find nothing in
  stopAll(mem, machine.control);
  openGate(mem, machine, epoch + 1);
  return { harvests: director.harvests, migrations: director.migrations, passes };
}

const isLogged = (flags: number): boolean => (flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;

/** One to warm up, one to time faults, one to time batches. */
const LEAST_PASSES = 3;

function actOut(
  mem: Shared,
  machine: Machine,
  director: Director,
  { action }: Step,
  epoch: number,
  pass: number,
): void {
  for (const reached of machine.control.reached) {
    for (let at = mem.load32(reached); at < epoch; at = mem.load32(reached)) {
      if (machine.vm.dirtyRing === 0) mem.waitWhile(reached, at);
      else if (!serveFullRings(mem, machine.vm)) mem.wait(reached, at, SERVE_RINGS_MS);
    }
  }
  // A slot and its content are there before the guest goes on; all else happens under running vCPUs.
  const exclusive = action.kind === 'create' || action.kind === 'fill';
  if (!exclusive) openGate(mem, machine, epoch);
  director.act(action, pass);
  if (exclusive) openGate(mem, machine, epoch);
}

function openGate(mem: Shared, { control }: Machine, epoch: number): void {
  mem.store32(control.epoch, epoch);
  mem.notify(control.epoch);
}

interface Direction {
  readonly destination: Int32Array | undefined;
  /** Does the script clear a log with manual protection? Else each harvest does. */
  readonly clears: boolean;
}

/** Does what the script says, and migrates along if there is a destination: each logged stretch is one migration. */
class Director {
  readonly harvests: number[] = [];
  readonly migrations: MigrationResult[] = [];
  readonly #mem: Shared;
  readonly #machine: Machine;
  readonly #destination: Int32Array | undefined;
  readonly #clears: boolean;
  /** What the last harvest of each region found, as the clears that follow name it. */
  readonly #found = new Map<Region, Int32Array>();
  readonly #migrating = new Map<Region, Migration>();

  constructor(mem: Shared, machine: Machine, { destination, clears }: Direction) {
    this.#mem = mem;
    this.#machine = machine;
    this.#destination = destination;
    this.#clears = clears;
  }

  act(action: Action, pass: number): void {
    const mem = this.#mem;
    const { vm, control } = this.#machine;
    if (action.kind === 'ksm') {
      mem.store32(control.ksm, action.run ? 1 : 0);
      mem.notify(control.ksm);
      return;
    }
    if (action.kind === 'reset') {
      this.#harvest(action.regions);
      return;
    }
    const { region } = action;
    const { slot, gfn, npages, hvn } = region;
    if (action.kind === 'create') {
      const { flags } = action;
      createMemslot(mem, vm, { id: slot, baseGfn: gfn as Gfn, npages, hvn: hvn as Hvn, flags });
      if (isLogged(flags)) this.#beginMigration(region);
    } else if (action.kind === 'flags') {
      if (!isLogged(action.flags)) this.#finishMigration(region);
      setMemslotFlags(mem, vm, slot, action.flags);
      if (isLogged(action.flags)) this.#beginMigration(region);
    } else if (action.kind === 'move') {
      moveMemslot(mem, vm, slot, action.to.gfn as Gfn);
      this.#followMigration(region, action.to);
    } else if (action.kind === 'delete') {
      this.#finishMigration(region);
      deleteMemslot(mem, vm, slot);
    } else if (action.kind === 'harvest') {
      this.#harvest([region]);
    } else if (action.kind === 'clear') {
      this.#clear(action);
    } else if (pass === 0) {
      fill(mem, this.#machine, region);
    }
  }

  #harvest(regions: readonly Region[]): void {
    const mem = this.#mem;
    const { vm } = this.#machine;
    const byScript = this.#clears && isClearedByHand(vm);
    if (byScript) for (const region of regions) this.#forget(region);
    this.harvests.push(collectDirty(mem, vm, regions));
    if (byScript) for (const region of regions) this.#found.set(region, this.#remember(region));
    else takeAll(mem, this.#machine, regions);
    for (const region of regions) this.#migrating.get(region)?.sendHarvested();
  }

  #forget({ hvn, npages }: Region): void {
    takeDirty(this.#mem, this.#machine.vm, { hvn: hvn as Hvn, npages }, READER, () => {});
  }

  #remember({ hvn, npages }: Region): Int32Array {
    const bits = new Int32Array(Math.ceil(npages / 32));
    const range = { hvn: hvn as Hvn, npages };
    takeDirty(this.#mem, this.#machine.vm, range, READER, (page) => setBit(bits, page - hvn));
    return bits;
  }

  /** KVM_CLEAR_DIRTY_LOG, as the recorded VMM did it after its harvest. Whoever migrates is told of what it takes. */
  #clear({ region, firstPage, numPages }: Extract<Action, { kind: 'clear' }>): void {
    const found = this.#found.get(region);
    if (found === undefined) return;
    const bits = found.subarray(firstPage >> 5);
    clearDirtyLog(this.#mem, this.#machine.vm, region.slot, {
      firstPage,
      numPages,
      bits,
      client: READER,
    });
  }

  #beginMigration(region: Region): void {
    if (this.#destination === undefined || this.#migrating.has(region)) return;
    const migration = new Migration(this.#mem, this.#machine.vm, [region], this.#destination);
    migration.sendAll();
    this.#migrating.set(region, migration);
  }

  /** The log stands by the VMM's pages, and so does what has been sent. */
  #followMigration(from: Region, to: Region): void {
    const migration = this.#migrating.get(from);
    if (migration === undefined) return;
    this.#migrating.delete(from);
    this.#migrating.set(to, migration);
  }

  #finishMigration(region: Region): void {
    const result = this.#migrating.get(region)?.finish(now);
    this.#migrating.delete(region);
    if (result !== undefined) this.migrations.push(result);
  }
}
